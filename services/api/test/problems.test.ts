import { expect, test } from 'vitest';
import type { ProblemDefinition } from '@stowage/http';
import { problems } from '../src/problems.ts';

/** The codes of the HTTP contract, and three that only HTTP itself brings about. */
const CONTRACT = {
  validation_failed: 400,
  malformed_json: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  upload_missing: 409,
  not_loaded: 409,
  deleting: 409,
  idempotency_in_progress: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  rate_limited: 429,
  headers_too_large: 431,
  internal_error: 500,
  overloaded: 503,
  dependency_unavailable: 503,
};

const table = Object.entries<ProblemDefinition>(problems.table);

test('the table has the codes of the contract and no others', () => {
  const statuses = table.map(([code, { status }]) => [code, status] as const);
  expect(Object.fromEntries(statuses)).toEqual(CONTRACT);
});

test('whoever is told to come back is told when', () => {
  const later = table.filter(([, { status }]) => status === 429 || status === 503);
  expect(later.map(([code]) => code)).toEqual(['rate_limited', 'overloaded', 'dependency_unavailable']);
  for (const [, { retryAfter }] of later) expect(retryAfter).toBeGreaterThan(0);
});
