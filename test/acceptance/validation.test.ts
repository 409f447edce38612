import { expect, inject, test } from 'vitest';
import { createClient } from '../support/client.ts';

const url = inject('url');
const client = createClient(url);

const UNKNOWN = '0193a6f0-0000-7000-8000-000000000000';

interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  instance: string;
  errors?: { pointer: string; detail: string }[];
}

async function send(
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<{ response: Response; problem: Problem }> {
  const response = await fetch(`${url}${path}`, { method, ...init });
  return { response, problem: (await response.json()) as Problem };
}

const postJson = (body: unknown, headers: Record<string, string> = {}) => ({
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});

const INVALID: [what: string, body: unknown, pointers: string[]][] = [
  ['no name', {}, ['/name']],
  ['an empty name', { name: '' }, ['/name']],
  ['a name that is too long', { name: 'x'.repeat(201) }, ['/name']],
  ['a name that is no text', { name: 5 }, ['/name']],
  ['an unknown member', { name: 'x', colour: 'red' }, ['/colour']],
  ['an unknown dialect member', { name: 'x', dialect: { quote: "'" } }, ['/dialect/quote']],
  ['an unknown delimiter', { name: 'x', dialect: { delimiter: ':' } }, ['/dialect/delimiter']],
  ['an unknown encoding', { name: 'x', dialect: { encoding: 'utf-16' } }, ['/dialect/encoding']],
  ['a header that is no boolean', { name: 'x', dialect: { header: 'true' } }, ['/dialect/header']],
  [
    'several at once',
    { name: '', dialect: { header: 1 }, colour: 1 },
    ['/colour', '/dialect/header', '/name'],
  ],
  ['an array', [], ['']],
];

test.each(INVALID)('a body with %s is 400 and says where', async (_what, body, pointers) => {
  const { response, problem } = await send('POST', '/v1/datasets', postJson(body));
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(problem.code).toBe('validation_failed');
  expect(problem.errors?.map(({ pointer }) => pointer).toSorted()).toEqual(pointers);
});

const DIALECTS = [
  ...['auto', ',', ';', '\t', '|'].map((delimiter) => ({ delimiter })),
  ...['utf-8', 'windows-1252'].map((encoding) => ({ encoding })),
  ...[true, false].map((header) => ({ header })),
  {},
];

test('every member of a dialect may be left out, and takes each of its values', async () => {
  for (const dialect of DIALECTS) {
    const created = await client.create('dialect', dialect);
    const defaults = { delimiter: 'auto', header: true, encoding: 'utf-8' };
    expect(created.dataset.dialect).toEqual({ ...defaults, ...dialect });
  }
});

test('a name of 200 characters beyond the basic plane is fine', async () => {
  const { dataset } = await client.create('😀'.repeat(200));
  expect(dataset.name).toBe('😀'.repeat(200));
});

test('a body that is no JSON is 400 malformed_json', async () => {
  const { response, problem } = await send('POST', '/v1/datasets', postJson('{"name":'));
  expect([response.status, problem.code]).toEqual([400, 'malformed_json']);
});

test('a body of another media type is 415', async () => {
  const { response, problem } = await send('POST', '/v1/datasets', {
    body: 'name=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect([response.status, problem.code]).toEqual([415, 'unsupported_media_type']);
});

test('a body that is too large is 413', async () => {
  const { response, problem } = await send('POST', '/v1/datasets', postJson({ name: 'x'.repeat(100_000) }));
  expect([response.status, problem.code]).toEqual([413, 'body_too_large']);
});

test.each(['', '/rows', '/rejects', '/profile', '/events'])(
  'GET /v1/datasets/{id}%s of an unknown dataset is 404',
  async (part) => {
    const { response, problem } = await send('GET', `/v1/datasets/${UNKNOWN}${part}`);
    expect([response.status, problem.code]).toEqual([404, 'not_found']);
  },
);

test.each(['', '/rows', '/events'])('an id that is no UUID is 400: /v1/datasets/nonsense%s', async (part) => {
  const { response, problem } = await send('GET', `/v1/datasets/nonsense${part}`);
  expect([response.status, problem.code]).toEqual([400, 'validation_failed']);
  expect(problem.errors?.[0]?.pointer).toBe('/path/id');
});

test('an unknown route is 404, a wrong method 405 with Allow', async () => {
  const unknown = await send('GET', '/v1/nothing');
  expect([unknown.response.status, unknown.problem.code]).toEqual([404, 'not_found']);
  const wrong = await send('PUT', '/v1/datasets');
  expect([wrong.response.status, wrong.problem.code]).toEqual([405, 'method_not_allowed']);
  expect(wrong.response.headers.get('allow')?.split(/, */).toSorted()).toEqual(['GET', 'HEAD', 'POST']);
});

test('a problem has every member of the contract and names the request', async () => {
  const { response, problem } = await send('GET', `/v1/datasets/${UNKNOWN}`, {
    headers: { 'x-request-id': 'my-request.1' },
  });
  expect(response.headers.get('x-request-id')).toBe('my-request.1');
  expect(problem).toEqual({
    type: expect.stringMatching(/errors#not-found$/),
    title: expect.any(String),
    status: 404,
    code: 'not_found',
    detail: expect.stringContaining(UNKNOWN),
    instance: 'my-request.1',
  });
});

test('a request id that is not clean is replaced', async () => {
  const { response } = await send('GET', '/v1/nothing', { headers: { 'x-request-id': 'a b"c' } });
  expect(response.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
});

test('an idempotency key answers the first response again, and refuses another body', async () => {
  const key = { 'idempotency-key': `key ${Math.random()}` };
  const first = await fetch(`${url}/v1/datasets`, { method: 'POST', ...postJson({ name: 'once' }, key) });
  const again = await fetch(`${url}/v1/datasets`, { method: 'POST', ...postJson({ name: 'once' }, key) });
  expect([first.status, again.status]).toEqual([201, 201]);
  expect(await again.json()).toEqual(await first.json());
  const other = await send('POST', '/v1/datasets', postJson({ name: 'other' }, key));
  expect([other.response.status, other.problem.code]).toEqual([422, 'idempotency_mismatch']);
});

test('a bad idempotency key is 400 and says so', async () => {
  const { response, problem } = await send(
    'POST',
    '/v1/datasets',
    postJson({ name: 'x' }, { 'idempotency-key': 'x'.repeat(256) }),
  );
  expect(response.status).toBe(400);
  expect(problem.errors?.[0]?.pointer).toBe('/headers/idempotency-key');
});
