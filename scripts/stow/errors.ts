import type { Problem } from './contract.ts';
import { visible } from './text.ts';

/** The command line is wrong, or the file cannot be used. Exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Something expected went wrong; the message says all there is to say. Exit status 1. */
export class StowError extends Error {
  override name = 'StowError';
}

/** No usable answer came: refused, reset, timed out, or cut off. `code` is the system's, when it has one. */
export class NetworkError extends StowError {
  override name = 'NetworkError';
  readonly code: string | undefined;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.code = systemCode(cause);
  }
}

/** The api answered with an error. `retryAfterMs` is its `Retry-After`, when it sent one. */
export class ApiError extends StowError {
  override name = 'ApiError';
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, status: number, code?: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A problem document as a person reads it: what happened, then the code and request id to report it with. */
export function describeProblem(problem: Problem): string {
  const fields = (problem.errors ?? []).map(({ pointer, detail }) => visible(`${pointer}: ${detail}`));
  return [
    visible(`${problem.title}: ${problem.detail}`),
    ...fields.map((field) => `  ${field}`),
    visible(`(${problem.status} ${problem.code}, request ${problem.instance})`),
  ].join('\n');
}

/** Why a connection failed, in the system's words. `fetch` hides them one `cause` down. */
export function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return describeCause(error.cause);
  return error.message || systemCode(error) || error.name;
}

/** Any error in one sentence or more, for a person. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return systemCode(error.cause);
}
