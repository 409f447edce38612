import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Issuer, serveIssuer } from '../../../packages/http/test/issuer.ts';
import { type Application, startApplication } from '../../../test/support/application.ts';
import { createClient, type DatasetView } from '../../../test/support/client.ts';

/** The api as in production, with an issuer that it discovers. */
const RATE_LIMIT_MAX = 150;
const CSV = 'a,b\n1,2\n3\n';
const UNKNOWN = '0193a6f0-0000-7000-8000-000000000000';
const ALL = 'datasets:read datasets:write';

const cleanUp = new AsyncDisposableStack();
let issuer: Issuer;
let application: Application;
/** A dataset of the tenant `acme` that is loaded, and one that awaits its file. */
let ready: DatasetView;
let waiting: DatasetView;

beforeAll(async () => {
  issuer = await serveIssuer();
  cleanUp.defer(() => issuer.close());
  application = await startApplication({
    environment: {
      NODE_ENV: 'production',
      AUTH_ISSUER: issuer.url,
      AUTH_AUDIENCE: 'api',
      RATE_LIMIT_MAX: String(RATE_LIMIT_MAX),
      DRAIN_DELAY_MS: '0',
    },
  });
  cleanUp.defer(application.close);
});
afterAll(() => cleanUp.disposeAsync());

/** Every operation that needs a token; `{id}` is a dataset's. */
const OPERATIONS: [method: string, path: string, scope: string][] = [
  ['POST', '/v1/datasets', 'datasets:write'],
  ['GET', '/v1/datasets', 'datasets:read'],
  ['GET', '/v1/datasets/{id}', 'datasets:read'],
  ['HEAD', '/v1/datasets/{id}', 'datasets:read'],
  ['GET', '/v1/datasets/{id}/events', 'datasets:read'],
  ['GET', '/v1/datasets/{id}/rows', 'datasets:read'],
  ['GET', '/v1/datasets/{id}/rejects', 'datasets:read'],
  ['GET', '/v1/datasets/{id}/profile', 'datasets:read'],
  ['POST', '/v1/datasets/{id}/complete', 'datasets:write'],
  ['DELETE', '/v1/datasets/{id}', 'datasets:write'],
];
const OF_ONE = OPERATIONS.filter(([, path]) => path.includes('{id}'));
const OPEN = ['/health', '/ready', '/docs', '/docs/errors', '/openapi.json'];

interface Call {
  token?: string | undefined;
  id?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

function call(method: string, path: string, { token, id = UNKNOWN, body, headers }: Call = {}) {
  return fetch(application.url + path.replace('{id}', id), {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const tokenOf = (sub: string, scope = ALL) => issuer.token({ sub, scope });
const json = async <T>(response: Promise<Response>) => (await (await response).json()) as T;

async function until(id: string, status: string, token: string): Promise<DatasetView> {
  let dataset: DatasetView | undefined;
  const read = async () => {
    dataset = await json<DatasetView>(call('GET', '/v1/datasets/{id}', { id, token }));
    return dataset.status;
  };
  await expect.poll(read, { timeout: 30_000 }).toBe(status);
  if (!dataset) throw new Error('never read');
  return dataset;
}

async function create(name: string, token: string, headers: Record<string, string> = {}) {
  const response = await call('POST', '/v1/datasets', { token, body: { name }, headers });
  expect(response.status).toBe(201);
  return (await response.json()) as Awaited<ReturnType<ReturnType<typeof createClient>['create']>>;
}

test('while the keys of the issuer cannot be read, what needs a token is 503, and what needs none is open', async () => {
  const token = await tokenOf('acme');
  for (const mode of ['broken', 'hanging'] as const) {
    issuer.mode = mode;
    const answers = OPERATIONS.map(async ([method, path]) => {
      const { status, headers } = await call(method, path, { token });
      return [status, Number(headers.get('retry-after')) > 0];
    });
    expect(await Promise.all(answers)).toEqual(OPERATIONS.map(() => [503, true]));
    for (const path of OPEN) expect((await call('GET', path)).status).toBe(200);
  }
  issuer.mode = 'slow';
  expect((await call('GET', '/v1/datasets', { token })).status).toBe(200);
  issuer.mode = 'up';
});

test('a key that takes the place of another at once is found', async () => {
  const before = await tokenOf('acme');
  await issuer.rotate('RS256');
  expect((await call('GET', '/v1/datasets', { token: await tokenOf('acme') })).status).toBe(200);
  expect((await call('GET', '/v1/datasets', { token: before })).status).toBe(401);
});

test.each(OPERATIONS)('%s %s asks for a token, and for the scope %s', async (method, path, scope) => {
  const none = await call(method, path);
  expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  const other = scope === 'datasets:read' ? 'datasets:write' : 'datasets:read';
  const lacking = await call(method, path, { token: await tokenOf('acme', other) });
  expect([lacking.status, lacking.headers.get('www-authenticate')]).toEqual([
    403,
    `Bearer error="insufficient_scope", scope="${scope}"`,
  ]);
  const enough = await call(method, path, { token: await tokenOf('acme', scope) });
  // Past the door: there is no such dataset, or no body, or a list.
  expect(enough.status).toBe(path.includes('{id}') ? 404 : method === 'POST' ? 400 : 200);
});

test('what a tenant has does not exist for another, on any route', async () => {
  const [acme, rival] = [await tokenOf('acme'), await tokenOf('rival')];
  const key = { 'idempotency-key': 'the same for both' };
  const created = await create('secret', acme, key);
  const { upload } = created;
  const sent = await createClient(application.url).upload(upload, new Blob([CSV]));
  expect(sent.ok).toBe(true);
  const { id } = created.dataset;
  expect((await call('POST', '/v1/datasets/{id}/complete', { id, token: acme })).status).toBe(202);
  ready = await until(id, 'ready', acme);
  waiting = (await create('waiting', acme)).dataset;

  for (const dataset of [ready, waiting]) {
    for (const [method, path] of OF_ONE) {
      const answers = [dataset.id, UNKNOWN].map(async (each) => {
        const response = await call(method, path, { id: each, token: rival });
        const text = (await response.text()).replaceAll(each, '…');
        return [response.status, text.replace(/"instance":"[^"]*"/, '')];
      });
      const [theirs, unknown] = await Promise.all(answers);
      expect(theirs).toEqual(unknown);
      expect(theirs?.[0]).toBe(404);
    }
  }
  expect(await json(call('GET', '/v1/datasets', { token: rival }))).toEqual({ items: [], nextCursor: null });
  const { nextCursor } = await json<{ nextCursor: string }>(
    call('GET', '/v1/datasets?limit=1', { token: acme }),
  );
  const page = await json(call('GET', `/v1/datasets?cursor=${nextCursor}`, { token: rival }));
  expect(page).toEqual({ items: [], nextCursor: null });

  // Nothing of theirs has changed, and a key of theirs is another's to use.
  expect(await until(ready.id, 'ready', acme)).toEqual(ready);
  expect(await until(waiting.id, 'awaiting_upload', acme)).toEqual(waiting);
  const own = await create('secret', rival, key);
  expect(own.dataset.id).not.toBe(id);
  expect((await create('secret', acme, key)).dataset.id).toBe(id);
});

test('a request’s line in the log has its id and its tenant', async () => {
  const headers = { 'x-request-id': 'correlated.1' };
  const token = await tokenOf('acme');
  await call('GET', '/v1/datasets/{id}/rows', { id: waiting.id, token, headers });
  const lines = () => application.logs.filter(({ requestId }) => requestId === 'correlated.1');
  await expect.poll(lines).toMatchObject([
    {
      service: 'api',
      msg: 'request',
      method: 'GET',
      route: '/v1/datasets/:id/rows',
      status: 409,
      code: 'not_loaded',
      tenant: 'acme',
    },
  ]);
});

test('the metrics are on a port of their own, by the pattern of a route', async () => {
  const response = await fetch(`${application.adminUrl('api')}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
  ]);
  const series =
    'http_request_duration_seconds_count{method="GET",route="/v1/datasets/:id/rows",status="409"}';
  expect((await response.text()).replaceAll(/,service="[^"]*"|service="[^"]*",/g, '')).toContain(series);
});

test('a tenant that asks too often is 429 with Retry-After, on every route, and the others are not', async () => {
  const token = await tokenOf('busy');
  const first = await call('GET', '/v1/datasets', { token });
  expect(first.headers.get('ratelimit-limit')).toBe(String(RATE_LIMIT_MAX));
  expect(first.headers.get('ratelimit-remaining')).toBe(String(RATE_LIMIT_MAX - 1));
  const rest = Array.from({ length: RATE_LIMIT_MAX - 1 }, () =>
    call('GET', '/v1/datasets?limit=0', { token }),
  );
  for (const { status } of await Promise.all(rest)) expect(status).toBe(400);
  for (const [method, path] of OPERATIONS) {
    const { status, headers } = await call(method, path, { token });
    expect([status, headers.get('ratelimit-remaining')]).toEqual([429, '0']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await call('GET', '/health')).status).toBe(200);
  expect((await call('GET', '/v1/datasets', { token: await tokenOf('calm') })).status).toBe(200);
});

test('when the api is told to stop its streams end cleanly, and their clients go on with the next', async () => {
  const token = await tokenOf('acme');
  const stream = await call('GET', '/v1/datasets/{id}/events', { id: waiting.id, token });
  const text = stream.text();
  const { api = 0 } = application.services.pids();
  process.kill(api, 'SIGTERM');
  expect(await text).toMatch(/^event: progress\ndata: .*"status":"awaiting_upload".*\n\n$/);
  await expect.poll(() => application.ends, { timeout: 20_000 }).toEqual(['api exited with status 0']);
  const events = async () => {
    const again = await call('GET', '/v1/datasets/{id}/events', { id: ready.id, token });
    return again.text();
  };
  await expect.poll(() => events().catch(String), { timeout: 30_000 }).toContain('"status":"ready"');
});
