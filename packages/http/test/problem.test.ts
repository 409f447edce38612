import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { defineProblems } from '../src/index.ts';
import type { HttpApp } from '../src/index.ts';
import { exchange } from './raw-http.ts';
import { problemOf, start } from './start.ts';

const { problem } = defineProblems({
  upload_missing: { status: 409, title: 'The file is not there yet', detail: 'Send the file first.' },
  teapot_unavailable: { status: 503, title: 'No tea', detail: 'There is no tea.', retryAfter: 7 },
});

function routes(app: HttpApp): void {
  app.post('/things', { schema: { body: Type.Object({ name: Type.String() }) } }, () => ({ ok: true }));
  app.post('/things/:id/complete', () => ({ ok: true }));
  app.get('/things', () => ({ ok: true }));
  app.get('/things/:id', () => ({ ok: true }));
  app.delete('/things/:id', () => ({ ok: true }));
  app.get('/fails/:how', (request) => {
    switch ((request.params as { how: string }).how) {
      case 'known':
        throw problem('upload_missing', 'Nothing was uploaded.');
      case 'known-503':
        throw problem('teapot_unavailable', 'kettle at 10.0.0.7 refused');
      case 'down':
        throw Object.assign(new Error('connect ECONNREFUSED db.internal:5432'), { code: 'ECONNREFUSED' });
      case 'not-an-error':
        // oxlint-disable-next-line typescript/only-throw-error
        throw 'a string';
      default:
        throw new Error('relation "secret_table" does not exist at db.internal');
    }
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

test("a service's own error is answered with its code, status, title and detail", async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/fails/known`, { headers: { 'x-request-id': 'r1' } });
  expect(response.status).toBe(409);
  expect(await problemOf(response)).toEqual({
    type: '/docs/errors#upload-missing',
    title: 'The file is not there yet',
    status: 409,
    code: 'upload_missing',
    detail: 'Nothing was uploaded.',
    instance: 'r1',
  });
});

test('the base of the error types is an option', async () => {
  const { url } = await start(routes, { errorsUrl: 'https://example.com/errors' });
  const { type } = await problemOf(await fetch(`${url}/nowhere`));
  expect(type).toBe('https://example.com/errors#not-found');
});

test('a platform code cannot be defined anew', () => {
  expect(() => defineProblems({ not_found: { status: 404, title: '', detail: '' } })).toThrow('not_found');
});

test('only codes of the table are taken', () => {
  // @ts-expect-error no such code
  expect(() => problem('no_such_code')).toThrow(TypeError);
});

test.each(['unknown', 'not-an-error'])(
  'an unexpected error (%s) is a 500 that tells nothing, logged once',
  async (how) => {
    const { url, logs } = await start(routes);
    const response = await fetch(`${url}/fails/${how}`, { headers: { 'x-request-id': 'r2' } });
    expect(response.status).toBe(500);
    const body = await problemOf(response);
    expect(body.code).toBe('internal_error');
    expect(JSON.stringify(body)).not.toMatch(/secret|db\.internal|relation|at |a string/);
    expect(logs.filter(({ level }) => level === 50)).toEqual([
      expect.objectContaining({ requestId: 'r2', code: 'internal_error', err: expect.anything() as unknown }),
    ]);
  },
);

test('an error of a dependency that is down is 503 with Retry-After, and tells nothing', async () => {
  const { url, logs } = await start(routes, {
    isUnavailable: (error) => (error as { code?: string }).code === 'ECONNREFUSED',
  });
  const response = await fetch(`${url}/fails/down`);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('5');
  const body = await problemOf(response);
  expect(body.code).toBe('dependency_unavailable');
  expect(JSON.stringify(body)).not.toMatch(/db\.internal|ECONN/);
  expect(JSON.stringify(logs)).toContain('ECONNREFUSED');
});

test("a 5xx of the service's own says the table's text only", async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/fails/known-503`);
  expect(response.headers.get('retry-after')).toBe('7');
  expect((await problemOf(response)).detail).toBe('There is no tea.');
});

test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
  '%s of an unknown route is 404',
  async (method) => {
    const { url } = await start(routes);
    expect((await problemOf(await fetch(`${url}/nowhere`, { method }))).code).toBe('not_found');
  },
);

test('the body of a request to an unknown route is not looked at', async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/nowhere`, { method: 'POST', body: '{', headers: JSON_TYPE });
  expect(response.status).toBe(404);
});

test.each([
  ['PUT', '/things', 'GET, HEAD, POST'],
  ['DELETE', '/things?x=1', 'GET, HEAD, POST'],
  ['POST', '/things/7', 'GET, HEAD, DELETE'],
  ['GET', '/things/7/complete', 'POST'],
  ['OPTIONS', '/things/7/complete', 'POST'],
  ['PROPFIND', '/things', 'GET, HEAD, POST'],
])('%s %s is 405 with Allow: %s', async (method, path, allow) => {
  const { url } = await start(routes);
  const response = await fetch(url + path, { method });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe(allow);
  expect((await problemOf(response)).code).toBe('method_not_allowed');
});

test('HEAD of a path that only takes POST is 405 without a body', async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/things/7/complete`, { method: 'HEAD' });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('POST');
  expect(await response.text()).toBe('');
});

test('HEAD is answered where GET is', async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/things`, { method: 'HEAD' });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-length')).toBe('11');
});

test.each(['{', '', 'nonsense', '{"__proto__":{"x":1}}'])('the body %j is malformed_json', async (body) => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/things`, { method: 'POST', body, headers: JSON_TYPE });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).code).toBe('malformed_json');
});

test('a body that is not UTF-8 is malformed_json', async () => {
  const { url } = await start(routes);
  const body = Buffer.from('{"name":"\u00ff"}', 'latin1');
  const response = await fetch(`${url}/things`, { method: 'POST', body, headers: JSON_TYPE });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).code).toBe('malformed_json');
});

test('a body that is compressed is 415', async () => {
  const { url } = await start(routes);
  const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
  const response = await fetch(`${url}/things`, { method: 'POST', body: gzipSync('{"name":"x"}'), headers });
  expect(response.status).toBe(415);
  expect((await problemOf(response)).code).toBe('unsupported_media_type');
});

test('a request without a Host is 400 in problem format, but for HTTP/1.0', async () => {
  const { port } = await start(routes);
  for (const path of ['/things', '/nowhere']) {
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*x-request-id: [^]*application\/problem\+json/);
    expect(answer).toContain('"pointer":"/headers/host"');
  }
  expect(await exchange(port, 'GET /things HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 /);
});

test('an expectation that is not known is ignored', async () => {
  const { port } = await start(routes);
  const head = 'GET /nowhere HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\n\r\n';
  expect(await exchange(port, head)).toMatch(/^HTTP\/1.1 404 [^]*"code":"not_found"/);
});

test('an empty JSON body is fine where no body is taken', async () => {
  const { url } = await start(routes);
  const response = await fetch(`${url}/things/7/complete`, { method: 'POST', body: '', headers: JSON_TYPE });
  expect(response.status).toBe(200);
});

test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'not a type'])(
  'a body of type %s is 415',
  async (type) => {
    const { url } = await start(routes);
    const response = await fetch(`${url}/things`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': type },
    });
    expect(response.status).toBe(415);
    expect((await problemOf(response)).code).toBe('unsupported_media_type');
  },
);

test('a body above the limit is 413, whether it announces its size or not', async () => {
  const { url, port } = await start(routes);
  const body = JSON.stringify({ name: 'x'.repeat(70_000) });
  const response = await fetch(`${url}/things`, { method: 'POST', body, headers: JSON_TYPE });
  expect(response.status).toBe(413);
  expect((await problemOf(response)).code).toBe('body_too_large');

  const chunk = 'x'.repeat(70_000);
  const answer = await exchange(
    port,
    'POST /things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n' +
      `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 413 /);
  expect(answer).toContain('"code":"body_too_large"');
});

test.each(['/%zz', '/things/%zz', `/things/${'x'.repeat(301)}`])(
  'the URL %s is validation_failed',
  async (path) => {
    const { url } = await start(routes);
    const response = await fetch(url + path);
    expect(response.status).toBe(400);
    expect((await problemOf(response)).code).toBe('validation_failed');
  },
);

test('headers above the limit are 431 in problem format', async () => {
  const { port } = await start(routes);
  const answer = await exchange(port, `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 431 /);
  expect(answer).toContain('content-type: application/problem+json');
  expect(answer).toContain('"code":"headers_too_large"');
});

test('a request that does not arrive in time is 408 in problem format', async () => {
  // Node looks for late requests every 30 s by default; the test cannot wait for that.
  const { app, port } = await start(routes);
  const answer = exchange(
    port,
    'POST /things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n',
  );
  app.server.on('connection', (socket) => {
    const error = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    setTimeout(() => app.server.emit('clientError', error, socket), 20);
  });
  expect(await answer).toMatch(/^HTTP\/1.1 408 [^]*"code":"request_timeout"/);
});

/** `/slow` answers only when its time is up, and then too late. */
function slow(app: HttpApp): void {
  app.all('/slow', async ({ timeUp }) => {
    await once(timeUp, 'abort');
    return 'late';
  });
}

test.each<[string, RequestInit]>([
  ['without a body', {}],
  ['with a body', { method: 'POST', body: '{}', headers: JSON_TYPE }],
])('a request %s that is not answered in time is 503, and its handler is told', async (_what, init) => {
  const { url, logs } = await start(slow, { handlerTimeoutMs: 200 });
  const begun = performance.now();
  const response = await fetch(`${url}/slow`, init);
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  expect((await problemOf(response)).code).toBe('dependency_unavailable');
  expect(logs.filter(({ level }) => level === 50)).toEqual([]);
});

test('a body that does not arrive in time is 408, and its connection ends', async () => {
  const { port } = await start(slow, { handlerTimeoutMs: 200 });
  const head =
    'POST /slow HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{';
  expect(await exchange(port, head)).toMatch(/^HTTP\/1.1 408 [^]*"code":"request_timeout"/);
});

test('an answer that does not fit its schema is a 500 and not sent', async () => {
  const { url } = await start((app) => {
    app.get(
      '/',
      { schema: { response: { 200: Type.Object({ secret: Type.Integer() }) } } },
      () => ({ secret: 'hunter2' }) as never,
    );
  });
  const response = await fetch(url);
  expect(response.status).toBe(500);
  expect(JSON.stringify(await problemOf(response))).not.toContain('hunter2');
});

test('timeouts outlast the idle timeout of a load balancer', async () => {
  const { app } = await start(routes);
  expect(app.server.keepAliveTimeout).toBeGreaterThan(60_000);
  expect(app.server.headersTimeout).toBeGreaterThan(app.server.keepAliveTimeout);
  expect(app.server.requestTimeout).toBe(30_000);
});
