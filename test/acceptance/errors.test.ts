import { request as send } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, inject, test } from 'vitest';
import { createClient } from '../support/client.ts';

const url = inject('url');
const client = createClient(url);

const UNKNOWN = '0193a6f0-0000-7000-8000-000000000000';
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

/** Every path and the methods that it takes. */
const PATHS: [path: string, allow: string[]][] = [
  ['/health', ['GET', 'HEAD']],
  ['/ready', ['GET', 'HEAD']],
  ['/openapi.json', ['GET', 'HEAD']],
  ['/docs', ['GET', 'HEAD']],
  ['/v1/datasets', ['GET', 'HEAD', 'POST']],
  ['/v1/datasets/{id}', ['GET', 'HEAD', 'DELETE']],
  ['/v1/datasets/{id}/complete', ['POST']],
  ['/v1/datasets/{id}/events', ['GET', 'HEAD']],
  ['/v1/datasets/{id}/rows', ['GET', 'HEAD']],
  ['/v1/datasets/{id}/rejects', ['GET', 'HEAD']],
  ['/v1/datasets/{id}/profile', ['GET', 'HEAD']],
];

/** Every operation on one dataset. */
const OF_ONE = PATHS.filter(([path]) => path.includes('{id}')).flatMap(([path, allow]) =>
  allow.map((method) => [method, path] as const),
);

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** By Node itself, since `fetch` sends neither every method nor every header. */
async function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = send(url + path, { method, headers });
  request.once('error', reject);
  request.once('response', (response) => {
    text(response).then(
      (answer) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
      reject,
    );
  });
  request.end(body);
  return promise;
}

/** Checks all that the contract says of an error; gives its status, and its code where there is a body. */
function codeOf({ status, headers, body }: Answer): string {
  expect(headers['content-type']).toBe('application/problem+json');
  expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  if (body === '') return String(status);
  const problem = JSON.parse(body) as Record<string, unknown>;
  expect(problem).toMatchObject({
    title: expect.any(String),
    detail: expect.any(String),
    status,
    instance: headers['x-request-id'],
  });
  const code = String(problem['code']);
  expect(problem['type']).toMatch(new RegExp(`/errors#${code.replaceAll('_', '-')}$`));
  return `${status} ${code}`;
}

function pointersOf({ body }: Answer): string[] {
  const { errors = [] } = JSON.parse(body || '{}') as { errors?: { pointer: string }[] };
  return errors.map(({ pointer }) => pointer);
}

test.each(PATHS)('%s takes %s and nothing else: 405 with Allow', async (path, allow) => {
  for (const method of METHODS.filter((each) => !allow.includes(each))) {
    const answer = await call(method, path.replace('{id}', UNKNOWN));
    expect([method, codeOf(answer)]).toEqual([method, method === 'HEAD' ? '405' : '405 method_not_allowed']);
    expect(String(answer.headers['allow']).split(', ').toSorted()).toEqual(allow.toSorted());
  }
});

test.each(['/', '/v1', `/v1/datasets/${UNKNOWN}/nothing`, '/V1/DATASETS', '/metrics'])(
  '%s is no route: 404, by any method and with any body',
  async (path) => {
    for (const method of METHODS) {
      const answer = await call(
        method,
        path,
        { 'content-type': 'application/json' },
        method === 'POST' ? '{' : '',
      );
      expect(codeOf(answer)).toBe(method === 'HEAD' ? '404' : '404 not_found');
    }
  },
);

test.each(OF_ONE)(
  '%s %s of an unknown dataset is 404, and of an id that is none 400',
  async (method, path) => {
    const unknown = await call(method, path.replace('{id}', UNKNOWN));
    expect(codeOf(unknown)).toBe(method === 'HEAD' ? '404' : '404 not_found');
    for (const id of [
      'x',
      '1',
      UNKNOWN.slice(1),
      UNKNOWN.replaceAll('-', ''),
      `urn:uuid:${UNKNOWN}`,
      '%00',
      '%zz',
    ]) {
      const bad = await call(method, path.replace('{id}', id));
      expect([id, codeOf(bad)]).toEqual([id, method === 'HEAD' ? '400' : '400 validation_failed']);
      const isTold = method !== 'HEAD' && id !== '%zz';
      expect(new Set(pointersOf(bad))).toEqual(new Set(isTold ? ['/path/id'] : []));
    }
  },
);

const BODIES: [what: string, headers: Record<string, string>, body: string | Buffer, code: string][] = [
  ['that ends too soon', {}, '{"name":', '400 malformed_json'],
  ['that is not UTF-8', {}, Buffer.from('{"name":"é"}', 'latin1'), '400 malformed_json'],
  ['that would change a prototype', {}, '{"name":"x","__proto__":{}}', '400 malformed_json'],
  [
    'of form fields',
    { 'content-type': 'application/x-www-form-urlencoded' },
    'name=x',
    '415 unsupported_media_type',
  ],
  ['of text', { 'content-type': 'text/plain' }, '{"name":"x"}', '415 unsupported_media_type'],
  ['of no type', { 'content-type': '' }, '{"name":"x"}', '415 unsupported_media_type'],
  [
    'that is compressed',
    { 'content-encoding': 'gzip' },
    gzipSync('{"name":"x"}'),
    '415 unsupported_media_type',
  ],
  ['that is too large', {}, JSON.stringify({ name: 'x'.repeat(70_000) }), '413 body_too_large'],
];

test.each(BODIES)('a body %s is refused wherever one is read', async (_what, headers, body, code) => {
  for (const [method, path] of [
    ['POST', '/v1/datasets'],
    ['POST', `/v1/datasets/${UNKNOWN}/complete`],
    ['DELETE', `/v1/datasets/${UNKNOWN}`],
  ] as const) {
    const length = String(Buffer.byteLength(body));
    const type = { 'content-type': 'application/json', 'content-length': length, ...headers };
    expect(codeOf(await call(method, path, type, body))).toBe(code);
  }
});

test('no body where one is needed is 400, and an empty one is fine where none is', async () => {
  const json = { 'content-type': 'application/json' };
  expect(codeOf(await call('POST', '/v1/datasets'))).toBe('400 validation_failed');
  expect(codeOf(await call('POST', '/v1/datasets', json))).toBe('400 malformed_json');
  const { dataset } = await client.create('no body');
  expect(codeOf(await call('POST', `/v1/datasets/${dataset.id}/complete`, json))).toBe('409 upload_missing');
  expect((await call('DELETE', `/v1/datasets/${dataset.id}`, json)).status).toBe(202);
});

test('a name that holds half a character is 400', async () => {
  const answer = await call(
    'POST',
    '/v1/datasets',
    { 'content-type': 'application/json' },
    '{"name":"\\ud800"}',
  );
  expect([codeOf(answer), pointersOf(answer)]).toEqual(['400 validation_failed', ['/name']]);
});

test.each<[path: string, pointer: string]>([
  ['/v1/datasets?limit=0', '/query/limit'],
  ['/v1/datasets?limit=101', '/query/limit'],
  ['/v1/datasets?cursor=x', '/query/cursor'],
  ['/v1/datasets?page=2', '/query/page'],
  [`/v1/datasets/${UNKNOWN}/rows?limit=1001`, '/query/limit'],
  [`/v1/datasets/${UNKNOWN}/rows?after=-1`, '/query/after'],
  [`/v1/datasets/${UNKNOWN}/rows?after=9007199254740992`, '/query/after'],
  [`/v1/datasets/${UNKNOWN}/rows?where=x`, '/query/where'],
  [`/v1/datasets/${UNKNOWN}/rejects?limit=0`, '/query/limit'],
  [`/v1/datasets/${UNKNOWN}/rejects?limit=1001`, '/query/limit'],
  [`/v1/datasets/${UNKNOWN}/rejects?after=x`, '/query/after'],
  [`/v1/datasets/${UNKNOWN}/rejects?where.a=x`, '/query/where.a'],
])('%s is 400 at %s', async (path, pointer) => {
  const answer = await call('GET', path);
  expect([codeOf(answer), pointersOf(answer)]).toEqual(['400 validation_failed', [pointer]]);
});

test('every answer names its request', async () => {
  const { dataset } = await client.create('named');
  const of = `/v1/datasets/${dataset.id}`;
  const paths = [
    '/health',
    '/ready',
    '/docs',
    '/docs/errors',
    '/docs/static/swagger-ui.css',
    '/openapi.json',
  ];
  for (const path of [...paths, '/v1/datasets', of, `${of}/rows`, '/nowhere', '/%zz']) {
    const { headers } = await call('GET', path, { 'x-request-id': 'mine-1' });
    expect([path, headers['x-request-id']]).toEqual([path, 'mine-1']);
  }
  const stream = await fetch(`${url}${of}/events`, { headers: { 'x-request-id': 'mine-2' } });
  expect(stream.headers.get('x-request-id')).toBe('mine-2');
  await stream.body?.cancel();
});

test('five requests at once with one key make one dataset', async () => {
  const headers = { 'content-type': 'application/json', 'idempotency-key': `five ${Math.random()}` };
  const once = () => call('POST', '/v1/datasets', headers, '{"name":"five"}');
  const ids = (answers: Answer[]) =>
    answers
      .filter(({ status }) => status === 201)
      .map(({ body }) => (JSON.parse(body) as { dataset: { id: string } }).dataset.id);
  const answers = await Promise.all(Array.from({ length: 5 }, once));
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    expect(codeOf(answer)).toBe('409 idempotency_in_progress');
    expect(answer.headers['retry-after']).toBe('1');
  }
  const again = await once();
  expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', location: expect.any(String) });
  expect(new Set(ids([...answers, again])).size).toBe(1);
});
