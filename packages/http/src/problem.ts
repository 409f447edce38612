import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { platformProblem, ProblemError } from './errors.ts';
import { ProblemSchema } from './problem-schema.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';
import { memberErrors } from './validation-errors.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** The error code answered, for the request log; null without an error. */
    problemCode: string | null;
  }
}

export interface ProblemAnswerOptions {
  /** Where the codes are documented: `type` is this and `#upload-missing`. */
  readonly errorsUrl: string;
  /** Whether an error means that a dependency is down: 503 `dependency_unavailable`, not 500. */
  isUnavailable(error: unknown): boolean;
}

/** Writes any error as `application/problem+json`. The only way by which an error leaves this process. */
export type AnswerProblem = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** The media type of RFC 9457. It has no charset parameter, JSON is UTF-8. */
export const PROBLEM_TYPE = 'application/problem+json';

/** Fastify's codes whose status alone does not say which of our errors they are. */
const BY_FASTIFY_CODE: Record<string, 'malformed_json'> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
};

/** Of any other error that carries a client's status (Fastify's convention is that it is the answer's). */
const BY_STATUS = {
  401: 'unauthenticated',
  // Whom to let in is decided here; what a library will not serve, such as a hidden file, is not there.
  403: 'not_found',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
} as const;

export function problemAnswerer(options: ProblemAnswerOptions): AnswerProblem {
  return (error, request, reply) => {
    const problem = toProblem(error, options);
    reply.problemCode = problem.code;
    logServerError(problem, request);
    // A buffer passes by the serializers of the route and keeps the media type as it is.
    reply
      .code(problem.statusCode)
      .headers({ ...problem.headers, 'cache-control': 'no-store', [REQUEST_ID_HEADER]: request.id })
      .type(PROBLEM_TYPE)
      .send(problemDocument(problem, request.id, options.errorsUrl));
  };
}

/** The body of a problem answer. */
export function problemDocument(problem: ProblemError, requestId: string, errorsUrl: string): Buffer {
  const document = {
    type: `${errorsUrl}#${problem.code.replaceAll('_', '-')}`,
    title: problem.title,
    status: problem.statusCode,
    code: problem.code,
    detail: problem.detail,
    instance: requestId,
    errors: problem.errors,
  };
  return Buffer.from(JSON.stringify(document));
}

/** Answers every error and every unknown route or method. */
export const problems = fp<{ answer: AnswerProblem }>(
  (app, { answer }, done) => {
    app.decorateReply('problemCode', null);
    app.addSchema(ProblemSchema);
    app.setErrorHandler(answer);

    const unknownRoute = (request: FastifyRequest): ProblemError => {
      const allowed = app.supportedMethods.filter(
        (method) => app.findRoute({ method, url: request.url }) !== null,
      );
      // The path has a route for this method when a handler itself finds nothing, as for a static file.
      if (allowed.length === 0 || allowed.some((method) => method === request.method)) {
        return platformProblem('not_found', 'There is no such route.');
      }
      return platformProblem('method_not_allowed', undefined, { headers: { allow: allowed.join(', ') } });
    };
    // After every onRequest hook, so that limits hold for unknown routes too, and before the body is read.
    app.addHook('preParsing', (request, _reply, _payload, next) => {
      next(request.is404 ? unknownRoute(request) : null);
    });
    app.setNotFoundHandler((request) => {
      throw unknownRoute(request);
    });
    done();
  },
  { name: 'problems' },
);

function toProblem(error: unknown, options: ProblemAnswerOptions): ProblemError {
  if (error instanceof ProblemError) return error;
  if (options.isUnavailable(error))
    return platformProblem('dependency_unavailable', undefined, { cause: error });
  if (!(error instanceof Error)) return platformProblem('internal_error', undefined, { cause: error });

  const { code, statusCode = 500, validation } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    return platformProblem('validation_failed', undefined, { errors: memberErrors(error as FastifyError) });
  }
  const mapped = BY_FASTIFY_CODE[code ?? ''];
  if (mapped !== undefined) return platformProblem(mapped, undefined, { cause: error });
  if (statusCode >= 400 && statusCode < 500) {
    return platformProblem(BY_STATUS[statusCode as keyof typeof BY_STATUS] ?? 'validation_failed');
  }
  return platformProblem('internal_error', undefined, { cause: error });
}

/**
 * Once an error, with the request's id. A 503 is a warning: nothing is broken in this process. Load shedding gets no line
 * of its own: it comes by the thousand when there is no time to write, and the request's line has the code.
 */
function logServerError(problem: ProblemError, request: FastifyRequest): void {
  if (problem.statusCode < 500 || problem.code === 'overloaded') return;
  const level = problem.statusCode === 503 ? 'warn' : 'error';
  request.log[level]({ err: problem.cause ?? problem, code: problem.code }, problem.message);
}
