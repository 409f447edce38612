import { expect, test } from 'vitest';
import type { Dataset } from '../../scripts/stow/contract.ts';
import { DATASET_ID, json, parseMultipart, problem, startFakeApi } from './fake-api.ts';
import { stow, stowed, temporaryFile } from './run-stow.ts';

const CSV = 'iata,city,lat\r\nZRH,,47.46\r\nHND,東京,35.55\r\nLHR,London\r\nJFK,"New\nYork",40.64\r\n';

test.concurrent('shows the dataset, its columns, its rows and its rejects', async () => {
  await using api = await startFakeApi();
  const { stdout } = await stowed(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(stdout).toContain(DATASET_ID);
  expect(stdout).toMatch(/^Rows +3 loaded, 1 rejected$/m);
  expect(stdout).toMatch(/^Upload +[\d.]+ s, .*B\/s$/m);
  expect(stdout).toMatch(/^Load +[\d.]+ s, [\d,]+ rows\/s, .*B\/s$/m);
  expect(stdout).toMatch(/^lat +number +0 +35.55 +47.46$/m);
  expect(stdout).toMatch(/^ +2 {2}HND +東京 +35.55$/m);
  expect(stdout).toMatch(/^ +4 {2}JFK {3}New↵York {2}40.64$/m);
  expect(stdout).toMatch(/^ +3 +4 +wrong_cell_count +2 cells instead of 3 +LHR,␛\[31mLondon$/m);
  expect(stdout).toContain(`curl -s '${api.url}/v1/datasets/${DATASET_ID}/rows?after=0&limit=100'`);
});

test.concurrent('sends the fields first and the file last, with an exact length', async () => {
  await using api = await startFakeApi();
  await stow(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  const [upload] = api.uploads;
  const parts = parseMultipart(upload?.start ?? Buffer.alloc(0), upload?.headers['content-type'] ?? '');
  expect(parts).toEqual([
    ['key', `uploads/${DATASET_ID}`],
    ['Content-Type', 'text/csv'],
    ['policy', 'eyJhIjoxfQ=='],
    ['file', CSV],
  ]);
  expect(upload?.headers['content-length']).toBe(String(upload?.bytes));
  expect(upload?.headers['transfer-encoding']).toBeUndefined();
});

test.concurrent('names the dataset after the file and passes the dialect on', async () => {
  await using api = await startFakeApi();
  const file = await temporaryFile('airports.2026.csv', CSV);
  await stow([
    '--url',
    `${api.url}/`,
    '--delimiter',
    '\\t',
    '--no-header',
    '--encoding',
    'windows-1252',
    file,
  ]);

  expect(api.bodies[0]).toEqual({
    name: 'airports.2026',
    dialect: { delimiter: '\t', header: false, encoding: 'windows-1252' },
  });
});

test.concurrent('asks for as many rows as wanted, and for none with --rows 0', async () => {
  await using api = await startFakeApi();
  const file = await temporaryFile('airports.csv', CSV);
  await stow(['--url', api.url, '--rows', '25', file]);
  expect(api.requests).toContain(`GET /v1/datasets/${DATASET_ID}/rows?limit=25`);

  api.requests.length = 0;
  await stow(['--url', api.url, '--rows', '0', file]);
  expect(api.requests.filter((request) => request.includes('/rows'))).toEqual([]);
});

test.concurrent('sends the token to the api and not to the store, and keeps it out of what it prints', async () => {
  await using api = await startFakeApi();
  const { stdout, stderr } = await stow([await temporaryFile('airports.csv', CSV)], {
    env: { STOWAGE_URL: api.url, STOWAGE_TOKEN: 'secret-token' },
  });

  expect(new Set(api.headers.map(({ authorization }) => authorization))).toEqual(
    new Set(['Bearer secret-token']),
  );
  expect(api.uploads[0]?.headers.authorization).toBeUndefined();
  expect(stdout + stderr).not.toContain('secret-token');
  expect(stdout).toContain('$STOWAGE_TOKEN');
});

test.concurrent('--json prints one document and nothing else', async () => {
  await using api = await startFakeApi();
  const outcome = await stow(['--url', api.url, '--json', await temporaryFile('airports.csv', CSV)]);

  const result = JSON.parse(outcome.stdout) as Record<string, unknown>;
  expect(Object.keys(result)).toEqual(['dataset', 'profile', 'rows', 'rejects']);
  expect((result['dataset'] as Dataset).status).toBe('ready');
  expect(result['rows']).toHaveLength(3);
  expect(outcome.stderr).toBe('');
});

test.concurrent('tells its progress in plain lines when standard error is no terminal', async () => {
  await using api = await startFakeApi();
  const { stderr, stdout } = await stow(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  const [start, uploaded, loaded, ...more] = stderr.trimEnd().split('\n');
  expect(start).toContain(DATASET_ID);
  expect(uploaded).toMatch(/^Uploaded \d+ B in /);
  expect(loaded).toMatch(/^Loaded 3 rows \(1 rejected\) in /);
  expect(more).toEqual([]);
});

test.concurrent('a dataset that fails is exit status 1 with its reason', async () => {
  const failure = { code: 'bad_header', detail: 'The header has an unterminated quote.' };
  await using api = await startFakeApi({ states: [{ status: 'queued' }, { status: 'failed', failure }] });
  const { status, stdout, stderr } = await stow(['--url', api.url, await temporaryFile('bad.csv', '"a,b\n')]);

  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain('stow: The dataset failed: The header has an unterminated quote. (bad_header)');
  expect(stderr).toContain(`Dataset ${DATASET_ID} stays.`);
});

test.concurrent('--json describes a failed dataset too', async () => {
  const failure = { code: 'empty_file', detail: 'The file has no record.' };
  await using api = await startFakeApi({ states: [{ status: 'failed', failure }] });
  const { status, stdout } = await stow(['--url', api.url, '--json', await temporaryFile('bad.csv', '\n')]);

  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ dataset: { failure }, profile: null, rows: [], rejects: [] });
});

test.concurrent('a problem document is shown with its fields, code and request id', async () => {
  await using api = await startFakeApi({
    onRequest: (_, response) => {
      const errors = [{ pointer: '/name', detail: 'must not be blank' }];
      problem(response, 400, 'validation_failed', 'The body does not fit.', { errors });
      return true;
    },
  });
  const { status, stderr } = await stow(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(status).toBe(1);
  expect(stderr).toBe(
    'stow: Refused: The body does not fit.\n  /name: must not be blank\n(400 validation_failed, request req-1)\n',
  );
  expect(api.requests).toHaveLength(1);
});

test.concurrent('an answer that is no problem document makes it doubt the address', async () => {
  await using api = await startFakeApi({
    onRequest: (_, response) => {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not Found</h1>');
      return true;
    },
  });
  const { status, stderr } = await stow(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(status).toBe(1);
  expect(stderr).toBe(
    `stow: POST ${api.url}/v1/datasets answered 404 Not Found. Is ${api.url} a Stowage api?\n`,
  );
});

test.concurrent('a refused connection says how to get an api', async () => {
  const api = await startFakeApi();
  await api[Symbol.asyncDispose]();
  const { status, stderr } = await stow(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(status).toBe(1);
  expect(stderr).toBe(`stow: No api at ${api.url}. Start one with \`npm start\`, or name one with --url.\n`);
});

test.concurrent('a create whose answer is lost is repeated with the same idempotency key', async () => {
  await using api = await startFakeApi({
    onRequest: (request, _, seen) => {
      if (request.url !== '/v1/datasets' || seen > 1) return false;
      request.socket.destroy();
      return true;
    },
  });
  await stowed(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  const creates = api.headers.filter((_, index) => api.requests[index] === 'POST /v1/datasets');
  expect(creates).toHaveLength(2);
  expect(creates[0]?.['idempotency-key']).toBe(creates[1]?.['idempotency-key']);
});

test.concurrent('waits as long as Retry-After asks', async () => {
  const times: number[] = [];
  await using api = await startFakeApi({
    onRequest: (request, response, seen) => {
      if (!request.url?.endsWith('/complete')) return false;
      times.push(performance.now());
      if (seen > 1) return false;
      problem(response, 503, 'overloaded', 'Too busy.', { headers: { 'retry-after': '1' } });
      return true;
    },
  });
  const { stderr } = await stowed(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1000);
  expect(stderr).toContain('Too busy. Trying again in 1');
});

test.concurrent('gives up after three tries', async () => {
  await using api = await startFakeApi({
    onRequest: (_, response) => {
      problem(response, 503, 'overloaded', 'Too busy.', { headers: { 'retry-after': '0' } });
      return true;
    },
  });
  const { status } = await stow(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(status).toBe(1);
  expect(api.requests).toHaveLength(3);
});

test.concurrent('an event stream that breaks off does no harm', async () => {
  await using api = await startFakeApi({ breakEventsAfter: 1, stateMs: 300 });
  const { stdout } = await stowed(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(stdout).toMatch(/^Rows +3 loaded, 1 rejected$/m);
  expect(api.requests).toContain(`GET /v1/datasets/${DATASET_ID}`);
});

test.concurrent('an api without a working event stream is polled', async () => {
  await using api = await startFakeApi({
    onRequest: (request, response) => {
      if (!request.url?.endsWith('/events')) return false;
      json(response, 502, { message: 'Bad Gateway' });
      return true;
    },
  });
  const { stdout } = await stowed(['--url', api.url, await temporaryFile('airports.csv', CSV)]);

  expect(stdout).toMatch(/^Rows +3 loaded, 1 rejected$/m);
});
