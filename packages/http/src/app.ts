import { isUtf8 } from 'node:buffer';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify from 'fastify';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { clientErrorHandler } from './client-errors.ts';
import { platformProblem } from './errors.ts';
import { limitHandlers } from './handler-timeout.ts';
import { problemAnswerer, problems } from './problem.ts';
import { REQUEST_ID_HEADER, requestId } from './request-id.ts';
import { RequestLog } from './request-log.ts';
import { buildSerializer } from './serializer.ts';
import { buildValidator } from './validator.ts';

export interface HttpAppOptions {
  readonly logger: Logger;
  /** Bytes of a request body. Default 64 KiB: this is an API for documents, files go elsewhere. */
  readonly bodyLimit?: number;
  /** Milliseconds for a request to arrive as a whole. Default 30,000. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds for a request to be answered, then 503; `request.timeUp` aborts. Default 20,000. Streams by `sendEvents` are exempt once they started. */
  readonly handlerTimeoutMs?: number;
  /**
   * Milliseconds that an idle connection stays open. Default 72,000. It must exceed the load balancer's idle timeout
   * (ALB: 60 s), or the balancer sends a request into a connection that is just closing and answers 502.
   */
  readonly keepAliveTimeoutMs?: number;
  /**
   * How many proxies stand in front, whose `X-Forwarded-*` headers may be believed: 1 behind an ALB. Default 0. A count
   * and not "trust all": the leftmost address of the header is whatever the client wrote.
   */
  readonly trustedProxies?: number;
  /** Base of the `type` of errors. Default `/docs/errors`, which the openapi plugin serves. */
  readonly errorsUrl?: string;
  /** Whether an error means that a dependency is down: 503 `dependency_unavailable` instead of 500. */
  readonly isUnavailable?: (error: unknown) => boolean;
}

/** A Fastify application whose schemas are TypeBox's. */
export type HttpApp = ReturnType<typeof createHttpApp>;

/**
 * A Fastify application with what every service shares and nothing may leave out: request ids, problem documents, strict
 * validation, the request log and timeouts. Everything else is a plugin that the service registers by name.
 */
export function createHttpApp(options: HttpAppOptions) {
  const { logger, keepAliveTimeoutMs = 72_000, trustedProxies = 0, errorsUrl = '/docs/errors' } = options;
  // Widened, or the type of every plugin would have to name pino.
  const loggerInstance: FastifyBaseLogger = logger;
  const answer = problemAnswerer({ errorsUrl, isUnavailable: options.isUnavailable ?? (() => false) });

  const app = Fastify({
    loggerInstance,
    logController: new RequestLog(logger),
    genReqId: requestId,
    schemaController: { compilersFactory: { buildValidator, buildSerializer } },
    bodyLimit: options.bodyLimit ?? 64 * 1024,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    keepAliveTimeout: keepAliveTimeoutMs,
    trustProxy: (_address, hop) => hop < trustedProxies,
    // An id or a column name in a path may be long; the default of 100 would answer them as malformed.
    routerOptions: { maxParamLength: 300 },
    // Requests that arrive while draining are served, on a connection that then closes.
    return503OnClosing: false,
    frameworkErrors: answer,
    clientErrorHandler: clientErrorHandler(logger, errorsUrl),
    // Node would refuse these requests by itself, with an empty answer: see answerInNodesPlace.
    http: { requireHostHeader: false },
  }).withTypeProvider<TypeBoxTypeProvider>();

  // Node's default of 60 s would be below the keep-alive timeout.
  app.server.headersTimeout = keepAliveTimeoutMs + 3_000;

  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
  limitHandlers(app, options.handlerTimeoutMs ?? 20_000);
  answerInNodesPlace(app);
  acceptJsonOnly(app);
  app.register(problems, { answer });
  return app;
}

/** What Node answers by itself has neither a problem document nor a request id: a missing `Host`, an unknown `Expect`. */
function answerInNodesPlace(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    // RFC 9112, section 3.2; HTTP/1.0 did without.
    const isMissing = request.raw.httpVersion === '1.1' && request.headers.host === undefined;
    const errors = [{ pointer: '/headers/host', detail: 'is required' }];
    done(isMissing ? platformProblem('validation_failed', undefined, { errors }) : undefined);
  });
  // RFC 9110, section 10.1.1: an expectation that a server does not know may be ignored.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
}

/** JSON or no body at all. An empty one counts as none where the route takes none, since many clients always send the type. */
function acceptJsonOnly(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
      done(platformProblem('unsupported_media_type', 'Send the body without a content encoding.'));
    } else if (body.length === 0 && request.routeOptions.schema?.body === undefined) {
      done(null);
    } else if (!isUtf8(body)) {
      done(platformProblem('malformed_json', 'The body is not UTF-8.'));
    } else {
      void parseJson(request, body.toString(), done);
    }
  });
}
