import { performance } from 'node:perf_hooks';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import type { Static } from 'typebox';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A route for load balancers: never limited or shed, and logged at debug. */
    probe?: boolean;
  }
}

/** Resolves if the dependency answers. The signal aborts when its time is up. */
export type ReadinessCheck = (signal: AbortSignal) => Promise<unknown>;

export interface HealthOptions {
  /** What the service depends on, by name. */
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  /** Names without which the service still does part of its work: they make it `degraded`, which stays 200. */
  readonly degradable?: readonly string[];
  /** Milliseconds for a check. Default 1,000. */
  readonly timeoutMs?: number;
  /** Milliseconds for which a result is kept: probes must not become load. Default 1,000. */
  readonly cacheMs?: number;
}

const Health = Type.Object({ status: Type.Literal('ok') });
const Readiness = Type.Object({
  status: Type.Enum(['ready', 'degraded', 'draining']),
  checks: Type.Record(Type.String(), Type.String({ description: '`ok` or a short reason' })),
});
type Checks = Static<typeof Readiness>['checks'];

/**
 * `GET /health`: the process lives; touches nothing else, and stays 200 while draining, so that nobody kills a process
 * that is busy leaving. `GET /ready`: whether it should get requests, by its dependencies and the drain.
 */
export const health = fp<HealthOptions>(
  (app, { checks, degradable = [], timeoutMs = 1_000, cacheMs = 1_000 }, done) => {
    const config = { public: true, probe: true };
    const tags = ['operations'];
    let last: Checks = {};

    const runChecks = cached(cacheMs, async () => {
      const results = await Promise.all(
        Object.entries(checks).map(async ([name, check]) => {
          const { reason, error } = await runCheck(check, timeoutMs);
          if (reason !== (last[name] ?? 'ok')) {
            if (reason === 'ok') app.log.info({ check: name }, 'readiness check recovered');
            else app.log.warn({ check: name, reason, err: error }, 'readiness check failed');
          }
          return [name, reason] as const;
        }),
      );
      last = Object.fromEntries(results);
      return last;
    });

    app.get(
      '/health',
      { config, schema: { tags, summary: 'Whether the process lives', response: { 200: Health } } },
      () => ({ status: 'ok' }),
    );
    app.get(
      '/ready',
      {
        config,
        schema: {
          tags,
          summary: 'Whether it should get requests',
          response: { 200: Readiness, 503: Readiness },
        },
      },
      async (_request, reply) => {
        const results = await runChecks();
        const failing = Object.keys(results).filter((name) => results[name] !== 'ok');
        if (app.draining.aborted) return reply.code(503).send({ status: 'draining', checks: results });
        if (failing.some((name) => !degradable.includes(name))) reply.code(503);
        return reply.send({ status: failing.length === 0 ? 'ready' : 'degraded', checks: results });
      },
    );
    done();
  },
  { name: 'health', dependencies: ['drain'] },
);

async function runCheck(
  check: ReadinessCheck,
  timeoutMs: number,
): Promise<{ reason: string; error?: unknown }> {
  const signal = AbortSignal.timeout(timeoutMs);
  const expired = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  try {
    // Raced as well: a check that ignores its signal must not hold up the answer.
    await Promise.race([check(signal), expired]);
    return { reason: 'ok' };
  } catch (error) {
    return { reason: reasonFor(error), error };
  }
}

/** A word that helps and tells nothing about hosts, users or statements. */
function reasonFor(error: unknown): string {
  const { name, code, $metadata } = (error ?? {}) as {
    name?: string;
    code?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const text = `${name} ${code}`;
  if (/timeout|timedout|abort/i.test(text)) return 'timeout';
  if (/ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE/.test(text)) return 'unreachable';
  // 28…: Postgres' class "invalid authorization".
  if (/AccessDenied|Credential|Token|Signature|UnrecognizedClient| 28/.test(text)) return 'denied';
  if ($metadata?.httpStatusCode === 403) return 'denied';
  if ($metadata?.httpStatusCode === 404 || /NotFound|NoSuch|NonExistent/.test(text)) return 'missing';
  return 'failed';
}

/** Keeps a result for `ms` after it came, and lets callers in between share one run. */
function cached<T>(ms: number, run: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  let expires = Infinity;
  return () => {
    if (current !== undefined && performance.now() < expires) return current;
    expires = Infinity;
    current = run().finally(() => {
      expires = performance.now() + ms;
    });
    return current;
  };
}
