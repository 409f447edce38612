/** One kind of error that a client may meet. `detail` is the default text and what the documentation says. */
export interface ProblemDefinition {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Seconds for `Retry-After`, where a retry makes sense. */
  readonly retryAfter?: number;
}

/** Error code → definition. Codes are snake_case. */
export type ProblemTable = Readonly<Record<string, ProblemDefinition>>;

/** The errors that the platform itself answers with. A service adds its own with {@link defineProblems}. */
export const platformProblems = {
  validation_failed: {
    status: 400,
    title: 'The request is not valid',
    detail: 'The body, the query, the path or a header does not fit what this operation takes.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not JSON',
    detail: 'The body does not parse as JSON.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication is needed',
    detail: 'Send a valid bearer token.',
  },
  forbidden: {
    status: 403,
    title: 'The token does not allow this',
    detail: 'The token lacks the scope that this operation needs.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    detail: 'There is nothing here.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path takes other methods: see the Allow header.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    detail: 'The request was not complete in time.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'The first request is still running',
    detail: 'A request with this Idempotency-Key is still running. Ask again in a moment.',
    retryAfter: 1,
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    detail: 'The body is larger than this operation takes.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body has an unsupported media type',
    detail: 'Send the body as application/json.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    detail: 'This Idempotency-Key came with another request before. Use a new key for a new request.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    detail: 'Too many requests. Ask again after the time in Retry-After.',
    retryAfter: 1,
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    detail: 'The request headers are larger than this server takes.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong on our side',
    detail: 'The error is logged under the request id in `instance`.',
  },
  overloaded: {
    status: 503,
    title: 'The service is overloaded',
    detail: 'This instance has more work than it can do. Ask again after the time in Retry-After.',
    retryAfter: 2,
  },
  dependency_unavailable: {
    status: 503,
    title: 'Something this operation needs is unavailable',
    detail: 'Something this operation needs does not answer. Ask again after the time in Retry-After.',
    retryAfter: 5,
  },
} as const satisfies ProblemTable;

/** What is wrong with one member of a request. `pointer` is a JSON pointer into the body, or `/query/…`, `/path/…`, `/headers/…`. */
export interface MemberError {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemOptions {
  readonly errors?: readonly MemberError[];
  readonly headers?: Readonly<Record<string, string>>;
  /** What went wrong underneath: logged for a 5xx, never sent. */
  readonly cause?: unknown;
}

/** An error that becomes an RFC 9457 answer. Made by `problem(code, …)`. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: string;
  readonly statusCode: number;
  readonly title: string;
  /** What the client reads. Of a 5xx always the table's text, so that nothing internal slips out. */
  readonly detail: string;
  readonly errors: readonly MemberError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, definition: ProblemDefinition, detail: string, options: ProblemOptions) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.statusCode = definition.status;
    this.title = definition.title;
    this.detail = definition.status >= 500 ? definition.detail : detail;
    this.errors = options.errors;
    this.headers = {
      ...(definition.retryAfter === undefined ? {} : { 'retry-after': String(definition.retryAfter) }),
      ...options.headers,
    };
  }
}

export interface Problems<Table extends ProblemTable> {
  /** The whole table: the platform's codes and the service's own. */
  readonly table: Table;
  /**
   * An error to throw. Takes only codes of the table.
   * @param detail What the client reads instead of the table's text; of a 5xx it is only logged.
   */
  readonly problem: (code: keyof Table & string, detail?: string, options?: ProblemOptions) => ProblemError;
}

/**
 * The platform's errors and a service's own, as one table.
 * @throws Error if `own` defines a code that the platform has.
 */
export function defineProblems<const Own extends ProblemTable>(
  own: Own,
): Problems<Own & typeof platformProblems> {
  const taken = Object.keys(own).find((code) => Object.hasOwn(platformProblems, code));
  if (taken !== undefined) throw new Error(`the error code ${taken} belongs to the platform: choose another`);
  const table = { ...own, ...platformProblems };
  return {
    table,
    problem(code, detail, options = {}) {
      const definition: ProblemDefinition = table[code];
      return new ProblemError(code, definition, detail ?? definition.detail, options);
    },
  };
}

/** The platform's own errors, for plugins that know no service. */
export const { problem: platformProblem } = defineProblems({});
