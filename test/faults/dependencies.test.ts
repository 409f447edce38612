import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createDatasetStore, createFileStore, type DatasetStore } from '@stowage/datasets';
import { createAwsClients } from '@stowage/runtime';
import { type Application, startApplication } from '../support/application.ts';
import { type Client, createClient, type DatasetView } from '../support/client.ts';
import { type Line, openLine } from './support/line.ts';

/** The api as a process of its own, with a line to each of its dependencies; the worker has none in between. */
const REQUEST_TIMEOUT_MS = 2_000;
const CSV = 'a,b\n1,2\n3\n';
const DEPENDENCIES = ['S3', 'DYNAMODB', 'SQS', 'POSTGRES'] as const;
type Dependency = (typeof DEPENDENCIES)[number];

const cleanUp = new AsyncDisposableStack();
let lines: Record<Dependency, Line>;
let application: Application;
let client: Client;
let datasets: DatasetStore;
/** A dataset that is loaded. */
let ready: DatasetView;

beforeAll(async () => {
  const [S3, DYNAMODB, SQS, POSTGRES] = await Promise.all([openLine(), openLine(), openLine(), openLine()]);
  lines = { S3, DYNAMODB, SQS, POSTGRES };
  application = await startApplication({
    environment(name, { environment, databaseUrl }): Record<string, string> {
      if (name !== 'api') return {};
      const through = (line: Line, direct = '') => {
        const url = new URL(direct);
        line.target = Number(url.port);
        url.port = String(line.port);
        return url.href.replace(/\/$/, '');
      };
      return {
        AWS_ENDPOINT_URL_S3: through(S3, environment['AWS_ENDPOINT_URL_S3']),
        AWS_ENDPOINT_URL_DYNAMODB: through(DYNAMODB, environment['AWS_ENDPOINT_URL_DYNAMODB']),
        AWS_ENDPOINT_URL_SQS: through(SQS, environment['AWS_ENDPOINT_URL_SQS']),
        QUEUE_URL: through(SQS, environment['QUEUE_URL']),
        DATABASE_SECRET_ID: '',
        DATABASE_URL: through(POSTGRES, databaseUrl),
        // Clients upload to S3 itself.
        S3_PUBLIC_ENDPOINT_URL: environment['AWS_ENDPOINT_URL_S3'] ?? '',
        REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
        STATEMENT_TIMEOUT_MS: '1000',
        FILTER_SCAN_ROWS: '1000',
      };
    },
  });
  cleanUp.defer(application.close);
  Object.assign(process.env, application.stack.environment);
  const aws = createAwsClients();
  cleanUp.defer(aws.close);
  const { BUCKET_NAME = '', TABLE_NAME = '' } = application.stack.environment;
  const files = createFileStore({ s3: aws.s3, bucket: BUCKET_NAME });
  datasets = createDatasetStore({ dynamodb: aws.dynamodb, table: TABLE_NAME, files });
  client = createClient(application.url);
  ready = await client.load('ready', CSV);
});
afterEach(async () => {
  for (const line of Object.values(lines)) await line.mend();
});
afterAll(async () => {
  await cleanUp.disposeAsync();
  for (const line of Object.values(lines)) await line.stop();
});

interface Route {
  method: string;
  path: (ids: { ready: string; uploaded: string; doomed: string }) => string;
  needs: Dependency[];
  /** What it answers when it has what it needs. */
  status: number;
  init?: RequestInit;
}

const post = (headers: Record<string, string> = {}): RequestInit => ({
  body: JSON.stringify({ name: 'new' }),
  headers: { 'content-type': 'application/json', ...headers },
});
const get = (path: string, needs: Dependency[], status = 200): Route => ({
  method: 'GET',
  path: ({ ready: id }) => path.replace('{id}', id),
  needs,
  status,
});

const ROUTES: Route[] = [
  get('/health', []),
  get('/docs', []),
  get('/openapi.json', []),
  get('/nowhere', [], 404),
  { method: 'POST', path: () => '/v1/datasets', init: post(), needs: ['DYNAMODB'], status: 201 },
  {
    method: 'POST',
    path: () => '/v1/datasets',
    init: post({ 'idempotency-key': 'outage' }),
    needs: ['DYNAMODB'],
    status: 201,
  },
  {
    method: 'POST',
    path: ({ uploaded }) => `/v1/datasets/${uploaded}/complete`,
    needs: ['DYNAMODB', 'S3', 'SQS'],
    status: 202,
  },
  {
    method: 'POST',
    path: ({ ready: id }) => `/v1/datasets/${id}/complete`,
    needs: ['DYNAMODB'],
    status: 202,
  },
  get('/v1/datasets', ['DYNAMODB']),
  get('/v1/datasets/{id}', ['DYNAMODB']),
  get('/v1/datasets/{id}/events', ['DYNAMODB']),
  get('/v1/datasets/{id}/rows', ['DYNAMODB', 'POSTGRES']),
  get('/v1/datasets/{id}/rows?where.a=1', ['DYNAMODB', 'POSTGRES']),
  get('/v1/datasets/{id}/rejects', ['DYNAMODB', 'POSTGRES']),
  get('/v1/datasets/{id}/profile', ['DYNAMODB', 'POSTGRES']),
  {
    method: 'DELETE',
    path: ({ doomed }) => `/v1/datasets/${doomed}`,
    needs: ['DYNAMODB', 'SQS'],
    status: 202,
  },
];

const describe = ({ method, init }: Route, path: string) =>
  `${method} ${path}${init?.headers && 'idempotency-key' in init.headers ? ' with a key' : ''}`;

/** What a 5xx must never tell. */
const INTERNAL = /127\.0\.0\.1|localhost|ECONN|SELECT|at .*\.(ts|js)|node_modules|Error:/;

/** Sends one request to every route at once; gives a line for each that did not answer as it should. */
async function wrongAnswers(down?: Dependency, breakIt?: () => void | Promise<void>): Promise<string[]> {
  const { dataset, upload } = await client.create('uploaded');
  await client.upload(upload, new Blob([CSV]));
  const doomed = await client.create('doomed');
  await breakIt?.();
  // For a second pages remember that their dataset is ready.
  if (down === 'DYNAMODB') await sleep(1_100);
  const ids = { ready: ready.id, uploaded: dataset.id, doomed: doomed.dataset.id };
  const answers = ROUTES.map(async (route) => {
    const path = route.path(ids);
    const begun = performance.now();
    const response = await fetch(application.url + path, { method: route.method, ...route.init });
    const body = await response.text();
    const late = performance.now() - begun > REQUEST_TIMEOUT_MS + 1_500 ? ', late' : '';
    const told = response.status >= 500 && INTERNAL.test(body) ? `, telling ${body}` : '';
    const retryAfter = Number(response.headers.get('retry-after'));
    const fails = down !== undefined && route.needs.includes(down);
    const right = fails
      ? response.status === 503 && body.includes('"code":"dependency_unavailable"') && retryAfter > 0
      : response.status === route.status;
    return right && !late && !told ? [] : [`${describe(route, path)}: ${response.status}${late}${told}`];
  });
  return (await Promise.all(answers)).flat();
}

test('with all there is every route answers', async () => {
  expect(await wrongAnswers()).toEqual([]);
});

test.each(DEPENDENCIES.flatMap((name) => [[name, 'is stopped'] as const, [name, 'hangs'] as const]))(
  'while %s %s, what needs it is 503 with Retry-After in time, the rest works, and afterwards all does',
  async (name, how) => {
    const breakIt = () => (how === 'hangs' ? lines[name].hang() : lines[name].stop());
    expect(await wrongAnswers(name, breakIt)).toEqual([]);
    const readiness = () => fetch(`${application.url}/ready`);
    // Kept for a second: the first may be of before.
    await expect
      .poll(async () => (await readiness()).json(), { timeout: 10_000 })
      .toMatchObject({
        status: 'degraded',
        checks: { [name.toLowerCase()]: how === 'hangs' ? 'timeout' : 'unreachable' },
      });
    expect((await readiness()).status).toBe(name === 'POSTGRES' ? 200 : 503);
    await lines[name].mend();
    await expect.poll(() => wrongAnswers(), { timeout: 15_000, interval: 250 }).toEqual([]);
    expect(application.ends).toEqual([]);
  },
);

/** Code and status of an answer that is an error, else its status. */
async function outcome(method: string, path: string, id = 'unnamed'): Promise<string> {
  const init = { method, headers: { 'x-request-id': id } };
  const response = await fetch(application.url + path, init);
  const text = await response.text();
  expect(response.headers.get('x-request-id')).toBe(id);
  if (response.ok) return String(response.status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(text).not.toMatch(INTERNAL);
  const { status, code } = JSON.parse(text) as { status: number; code: string };
  expect(status).toBe(response.status);
  return `${status} ${code}${response.headers.has('retry-after') ? ' with Retry-After' : ''}`;
}

test('a statement that takes too long is 503 with Retry-After, and is logged under the id of its request', async () => {
  const locker = new pg.Client({ connectionString: application.stack.databaseUrl });
  await locker.connect();
  onTestFinished(() => locker.end());
  await locker.query('BEGIN');
  await locker.query(
    `LOCK TABLE dataset_rows."${ready.id}", stowage.datasets, stowage.rejects IN ACCESS EXCLUSIVE MODE`,
  );
  const parts = ['rows', 'rows?where.a=1', 'rejects', 'profile'].map(async (part) => {
    const id = `statement.${part.replace(/\W/g, '-')}`;
    const answer = await outcome('GET', `/v1/datasets/${ready.id}/${part}`, id);
    expect(answer).toBe('503 dependency_unavailable with Retry-After');
    const logged = () => application.logs.filter(({ requestId }) => requestId === id);
    await expect.poll(logged).toMatchObject([
      // 57014: query_canceled.
      { service: 'api', level: 'warn', err: { code: '57014' } },
      { msg: 'request', status: 503, code: 'dependency_unavailable' },
    ]);
  });
  await Promise.all(parts);
  expect(await outcome('GET', `/v1/datasets/${ready.id}`)).toBe('200');
});

test('a request with filters looks at so many rows and no more, and following it gives every match', async () => {
  const wanted = new Set([1, 700, 2_500]);
  const records = Array.from({ length: 2_500 }, (_, index) => (wanted.has(index + 1) ? 'yes' : 'no'));
  const { id } = await client.load('filtered', `a\n${records.join('\n')}\n`);
  const pages: [rows: number[], nextAfter: number | null][] = [];
  for (let after: number | null = 0; after !== null;) {
    const path = `/v1/datasets/${id}/rows?where.a=yes&after=${after}`;
    const page: { items: { row: number }[]; nextAfter: number | null } = await client.json('GET', path);
    pages.push([page.items.map(({ row }) => row), page.nextAfter]);
    after = page.nextAfter;
  }
  expect(pages).toEqual([
    [[1, 700], 1_000],
    [[], 2_000],
    [[2_500], null],
  ]);
  expect(await client.json('GET', `/v1/datasets/${id}/rows?where.a=%00`)).toEqual({
    items: [],
    nextAfter: null,
  });
});

test('of a dataset that is being deleted only its state is to be had, with the failure it had', async () => {
  const { id } = await client.load('failed', '\n\n');
  // Marked, and no message sent: it stays as it is.
  await datasets.startDeleting({ tenant: 'local', id });
  const path = `/v1/datasets/${id}`;
  const seen = { id, status: 'deleting', failure: { code: 'empty_file' } };
  expect(await client.get(id)).toMatchObject(seen);
  expect((await client.json<{ items: unknown[] }>('GET', '/v1/datasets?limit=1')).items).toMatchObject([
    seen,
  ]);
  for (const part of ['rows', 'rejects', 'profile', 'events']) {
    expect(await outcome('GET', `${path}/${part}`)).toBe('409 deleting');
  }
  expect(await outcome('POST', `${path}/complete`)).toBe('409 deleting');
  expect(await client.remove(id)).toMatchObject(seen);
  await expect.poll(() => outcome('GET', path)).toBe('404 not_found');
  expect(await outcome('DELETE', path)).toBe('404 not_found');
});

test('many who follow one dataset cost one poll', async () => {
  const { dataset } = await client.create('followed');
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const streams = Array.from({ length: 30 }, () =>
    fetch(`${application.url}/v1/datasets/${dataset.id}/events`, { signal: leave.signal }),
  );
  for (const { status } of await Promise.all(streams)) expect(status).toBe(200);
  let reads = 0;
  lines.DYNAMODB.onSent = (bytes) =>
    (reads += bytes.toString('latin1').split('DynamoDB_20120810.GetItem').length - 1);
  const begun = performance.now();
  await expect.poll(() => reads, { timeout: 5_000 }).toBeGreaterThan(3);
  const seconds = (performance.now() - begun) / 1_000;
  // One each 0.4 s.
  expect(reads).toBeLessThan(4 + seconds * 3);
});

test('a stream whose dataset cannot be read any more is broken off, and its client may come again', async () => {
  const { dataset } = await client.create('interrupted');
  const events = `${application.url}/v1/datasets/${dataset.id}/events`;
  const stream = await fetch(events);
  await lines.DYNAMODB.stop();
  await expect(stream.text()).rejects.toThrow('terminated');
  await lines.DYNAMODB.mend();
  const again = await fetch(events);
  const { value } = (await again.body?.getReader().read()) ?? {};
  expect(new TextDecoder().decode(value)).toMatch(/^event: progress\ndata: .*"status":"awaiting_upload"/);
});

test('a request that dies with its process keeps its key for as long as it might have run, and no longer', async () => {
  const create = () =>
    fetch(`${application.url}/v1/datasets`, { method: 'POST', ...post({ 'idempotency-key': 'crash' }) });
  // Killed when the key is taken and the dataset is about to be recorded.
  const reached = Promise.withResolvers<void>();
  lines.DYNAMODB.onSent = (bytes) => {
    if (!bytes.includes('"awaiting_upload"')) return;
    lines.DYNAMODB.hang();
    reached.resolve();
  };
  const begun = performance.now();
  const first = create().then(
    ({ status }) => `answered ${status}`,
    () => 'died',
  );
  await reached.promise;
  process.kill(application.services.pids()['api'] ?? 0, 'SIGKILL');
  expect(await first).toBe('died');
  lines.DYNAMODB.onSent = () => undefined;
  await lines.DYNAMODB.mend();

  const seen = new Set<string>();
  const retry = async () => {
    const response = await create().catch(() => undefined);
    const { code } = ((await response?.json()) ?? {}) as { code?: string };
    if (response?.status !== 201) seen.add(code ?? 'not back yet');
    return response?.status;
  };
  await expect.poll(retry, { timeout: 60_000, interval: 250 }).toBe(201);
  // Its own time and ten seconds.
  expect(performance.now() - begun).toBeGreaterThan(REQUEST_TIMEOUT_MS + 9_500);
  // A busy machine may be late with an answer, and then says so.
  const expected = new Set(['not back yet', 'idempotency_in_progress', 'dependency_unavailable']);
  expect([...seen.difference(expected)]).toEqual([]);
});
