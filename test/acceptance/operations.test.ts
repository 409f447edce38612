import { expect, inject, test } from 'vitest';

const url = inject('url');

test('GET /health says that the process lives', async () => {
  const response = await fetch(`${url}/health`);
  expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
});

test('GET /ready names each dependency', async () => {
  const response = await fetch(`${url}/ready`);
  expect([response.status, await response.json()]).toEqual([
    200,
    { status: 'ready', checks: { s3: 'ok', dynamodb: 'ok', sqs: 'ok', postgres: 'ok' } },
  ]);
});

test('GET /openapi.json is an OpenAPI 3.1 document with every operation', async () => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, object>;
  };
  expect(document.openapi).toMatch(/^3\.1/);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(operations.toSorted()).toEqual([
    'delete /v1/datasets/{id}',
    'get /health',
    'get /ready',
    'get /v1/datasets',
    'get /v1/datasets/{id}',
    'get /v1/datasets/{id}/events',
    'get /v1/datasets/{id}/profile',
    'get /v1/datasets/{id}/rejects',
    'get /v1/datasets/{id}/rows',
    'post /v1/datasets',
    'post /v1/datasets/{id}/complete',
  ]);
});

test('GET /docs is a page', async () => {
  const response = await fetch(`${url}/docs`, { redirect: 'manual' });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
});

test('answers carry security headers', async () => {
  const { headers } = await fetch(`${url}/health`);
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});
