import type { FastifyInstance } from 'fastify';
import { platformProblem } from './errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Aborts when the handler's time is up: its caller has been answered 503. */
    timeUp: AbortSignal;
  }
}

/**
 * Answers when a request is not answered in time: 503, or 408 if it has not even arrived. Not Fastify's `handlerTimeout`,
 * nor its `request.signal`: both take a body that was read for a client that left, and so have no effect on any request
 * with a body (fastify#6725).
 */
export function limitHandlers(app: FastifyInstance, ms: number): void {
  app.decorateRequest('timeUp');
  app.addHook('onRequest', (request, reply, next) => {
    const timeUp = new AbortController();
    request.timeUp = timeUp.signal;
    const timer = setTimeout(() => {
      // An answer that has begun, as a stream's, cannot become another.
      if (reply.sent || reply.raw.headersSent) return;
      timeUp.abort();
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
