import { performance } from 'node:perf_hooks';
import { LogController } from 'fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { callerOf } from './auth.ts';
import { answeredStatus } from './answered-status.ts';

/**
 * One log line a request, when it is over: also for unknown routes and malformed URLs, which no hook sees, and for
 * streams and clients that went away, where Fastify's `onResponse` never runs. Probes are logged at debug.
 */
export class RequestLog extends LogController {
  readonly #log: Logger;

  constructor(log: Logger) {
    super({ requestIdLogLabel: 'requestId' });
    // A line of these members has no place for a secret, and to look for one took a third of the time that it takes.
    this.#log = log.child({}, { redact: [] });
  }

  override incomingRequest(request: FastifyRequest, reply: FastifyReply): void {
    const start = performance.now();
    reply.raw.once('close', () => {
      const { url: route, config } = request.routeOptions;
      const level = config.probe === true ? 'debug' : 'info';
      this.#log[level](
        {
          requestId: request.id,
          method: request.method,
          route: route ?? 'unmatched',
          // Without the query: it may hold what users search for.
          path: request.url.split('?', 1)[0],
          status: answeredStatus(reply.raw),
          ms: Math.round(performance.now() - start),
          tenant: callerOf(request)?.tenant,
          code: reply.problemCode ?? undefined,
          aborted: reply.raw.writableFinished ? undefined : true,
        },
        'request',
      );
    });
  }

  override requestCompleted(): void {
    // incomingRequest has arranged for the line.
  }
}
