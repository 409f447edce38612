import fastifyRateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { callerOf } from './auth.ts';
import { platformProblem } from './errors.ts';

export interface RateLimitOptions {
  /**
   * Requests a window, for each tenant, or for each address where there is no valid token. Default 6,000: 100 a second,
   * far above what a person or a sane client needs and far below what one task bears. 0 turns the limit off.
   */
  readonly max?: number;
  /** Milliseconds. Default 60,000. */
  readonly windowMs?: number;
}

/**
 * Counts in memory, so each task counts for itself: with n tasks a tenant gets up to n times `max`. That protects a task
 * from a runaway client; a quota that must hold exactly belongs in a shared store or in AWS WAF. Unknown routes count
 * too, probes do not.
 */
export const rateLimit = fp<RateLimitOptions>(
  async (app, { max = 6_000, windowMs = 60_000 }) => {
    if (max === 0) return;
    await app.register(fastifyRateLimit, {
      global: false,
      max,
      timeWindow: windowMs,
      keyGenerator: bucketOf,
    });
    const count = app.createRateLimit();

    // One hook of our own for all routes: the plugin's are per route and would miss the unknown ones.
    app.addHook('onRequest', async (request, reply) => {
      if (request.routeOptions.config.probe === true) return;
      const limit = await count(request);
      if (limit.isAllowed) return;
      reply.headers({
        'ratelimit-limit': limit.max,
        'ratelimit-remaining': limit.remaining,
        'ratelimit-reset': limit.ttlInSeconds,
      });
      if (limit.isExceeded) {
        throw platformProblem('rate_limited', undefined, {
          headers: { 'retry-after': String(limit.ttlInSeconds) },
        });
      }
    });
  },
  { name: 'rate-limit', dependencies: ['auth'] },
);

function bucketOf(request: FastifyRequest): string {
  const caller = callerOf(request);
  if (caller !== null) return `tenant ${caller.tenant}`;
  // Despite its type there is no address once the client has gone.
  const { ip }: { ip: string | undefined } = request;
  return `address ${normalizeIP(ip ?? 'gone')}`;
}
