import type { FastifyInstance } from 'fastify';
import { platformProblem } from './errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Aborts when the handler's time is up: its caller has been answered 503. */
    readonly timeUp: AbortSignal;
    /** Made when `timeUp` is first asked for, which few handlers do. */
    timeLimit: AbortController | null;
  }
}

/**
 * Answers when a request is not answered in time: 503, or 408 if it has not even arrived. Not Fastify's `handlerTimeout`,
 * nor its `request.signal`: both take a body that was read for a client that left, and so have no effect on any request
 * with a body (fastify#6725).
 */
export function limitHandlers(app: FastifyInstance, ms: number): void {
  app.decorateRequest('timeLimit', null);
  app.decorateRequest('timeUp', {
    getter() {
      this.timeLimit ??= new AbortController();
      return this.timeLimit.signal;
    },
  });
  app.addHook('onRequest', (request, reply, next) => {
    const timer = setTimeout(() => {
      // An answer that has begun, as a stream's, cannot become another.
      if (reply.sent || reply.raw.headersSent) return;
      request.timeLimit ??= new AbortController();
      request.timeLimit.abort();
      reply.send(
        request.raw.complete
          ? platformProblem('dependency_unavailable', `the handler took longer than ${ms} ms`)
          : platformProblem('request_timeout', undefined, { headers: { connection: 'close' } }),
      );
    }, ms);
    reply.raw.once('close', () => clearTimeout(timer));
    next();
  });
}
