import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import { platformProblem } from './errors.ts';
import type { IdempotencyStore, StoredResponse } from './idempotency-store.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes an `Idempotency-Key`: a retry gets the first answer again instead of running again. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    /** The key and lease under which this request runs; null without a key. */
    idempotency: { readonly key: string; readonly lease: string } | null;
  }
}

export interface IdempotencyOptions {
  readonly store: IdempotencyStore;
}

const HEADER = 'idempotency-key';
const IdempotencyKey = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 255,
    pattern: '^[ -~]*$',
    description: 'Makes a retry answer the first response again. Any printable text, new for each request.',
  }),
);
/** Milliseconds that an answer waits until it is kept. Later is not too late for the store, but it is for the client. */
const KEEP_MS = 1_000;
/** Headers of an answer that are part of it, and not of the exchange. */
const KEPT_HEADERS = ['content-type', 'location'];

/**
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header) for routes with `config: { idempotent: true }`, apart for
 * every tenant and route. A 2xx answer is kept; after any other the key is free again, since the client may mend the
 * request or the fault may pass; if the process dies, when its lease ends. So after a crash or a handler's timeout a
 * request may run twice: what a handler does should be safe to repeat or be bound to something unique.
 */
export const idempotency = fp<IdempotencyOptions>(
  (app, { store }, done) => {
    app.decorateRequest('idempotency', null);

    // The header becomes part of the route's schema: validated and documented as any other.
    app.addHook('onRoute', (route) => {
      if (route.config?.idempotent !== true) return;
      const headers = route.schema?.headers as { properties?: object } | undefined;
      route.schema = {
        ...route.schema,
        headers: {
          ...Type.Object({ [HEADER]: IdempotencyKey }),
          ...headers,
          properties: { ...headers?.properties, [HEADER]: IdempotencyKey },
        },
      };
    });

    app.addHook('preHandler', async (request, reply) => {
      const given = request.headers[HEADER];
      if (request.routeOptions.config.idempotent !== true || typeof given !== 'string') return;
      const key = keyOf(request, given);
      const found = await available(store.begin(key, fingerprintOf(request), Date.now()));
      switch (found.state) {
        case 'started':
          request.idempotency = { key, lease: found.lease };
          return;
        case 'in_progress':
          throw platformProblem('idempotency_in_progress');
        case 'mismatch':
          throw platformProblem('idempotency_mismatch');
        case 'completed':
          await replay(reply, found.response);
      }
    });

    app.addHook('onSend', async (request, reply, payload) => {
      if (request.idempotency === null) return;
      const { key, lease } = request.idempotency;
      request.idempotency = null;
      const response = storable(reply, payload);
      const keeping = response === null ? store.abandon(key, lease) : store.complete(key, lease, response);
      try {
        await Promise.race([keeping, tooLong(request.timeUp.aborted ? 0 : KEEP_MS)]);
      } catch (error) {
        // The work is done, and the client should hear it. A retry gets 409 until the lease ends, then runs again.
        request.log.warn({ err: error }, 'the answer could not be kept under its idempotency key');
      }
    });
    done();
  },
  { name: 'idempotency', dependencies: ['problems', 'auth'] },
);

async function available<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw platformProblem('dependency_unavailable', 'the idempotency store failed', { cause: error });
  }
}

async function tooLong(ms: number): Promise<never> {
  await sleep(ms, undefined, { ref: false });
  throw new Error(`the idempotency store took longer than ${ms} ms`);
}

function replay(reply: FastifyReply, { status, headers, body }: StoredResponse): FastifyReply {
  return reply
    .code(status)
    .headers({ ...headers, 'idempotency-replayed': 'true' })
    .send(body);
}

function storable(reply: FastifyReply, payload: unknown): StoredResponse | null {
  if (reply.statusCode < 200 || reply.statusCode > 299) return null;
  if (payload !== null && payload !== undefined && typeof payload !== 'string') return null;
  const headers = KEPT_HEADERS.map((name) => [name, reply.getHeader(name)] as const);
  return {
    status: reply.statusCode,
    headers: Object.fromEntries(
      headers.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
    body: payload ?? '',
  };
}

/** Hashed, so that a store's key has a fixed size and tells nothing; as JSON, so that no two requests run together. */
function keyOf(request: FastifyRequest, given: string): string {
  return sha256([request.caller.tenant, request.method, request.routeOptions.url, given]);
}

function fingerprintOf({ params, query, body }: FastifyRequest): string {
  return sha256([params, query, body]);
}

function sha256(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** JSON whose members are sorted: a client may write them in any order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
