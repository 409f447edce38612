import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { auth, dynamoDbIdempotencyStore, idempotency } from '../src/index.ts';
import type { HttpApp, IdempotencyStore } from '../src/index.ts';
import { startDynamoDb } from './dynamodb.ts';
import { startIssuer } from './issuer.ts';
import { problemOf, start } from './start.ts';
import { until } from './until.ts';

interface Runs {
  count: number;
  /** What the next runs answer. */
  status: 201 | 409 | 500;
  gate: Promise<void>;
}

async function service(authentication: Parameters<typeof auth>[1] = { mode: 'none' }) {
  const { client, stop } = await startDynamoDb();
  const runs: Runs = { count: 0, status: 201, gate: Promise.resolve() };
  const run = async (): Promise<number> => {
    runs.count += 1;
    await runs.gate;
    return runs.count;
  };
  const body = Type.Object({ name: Type.Unknown() });
  const answer = Type.Object({ run: Type.Integer() });
  const response = { 201: answer, 409: answer, 500: answer };
  const configure = (app: HttpApp): void => {
    app.register(auth, authentication);
    app.register(idempotency, { store: dynamoDbIdempotencyStore({ client, tableName: 'control' }) });
    app.register(async (api) => {
      api.post(
        '/things',
        { config: { idempotent: true }, schema: { body, response } },
        async (_request, reply) =>
          reply
            .code(runs.status)
            .header('location', '/things/1')
            .send({ run: await run() }),
      );
      api.post('/things/:id/copy', { config: { idempotent: true } }, async () => ({ run: await run() }));
      api.post('/plain', async () => ({ run: await run() }));
    });
  };
  const { url, logs } = await start(configure);
  const post = (key: string | undefined, thing: unknown = { name: 'a' }, path = '/things', token = 'none') =>
    fetch(url + path, {
      method: 'POST',
      body: JSON.stringify(thing),
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
    });
  return { post, runs, stop, logs };
}

test('a retry gets the first answer again, marked as such', async () => {
  const { post, runs } = await service();
  const first = await post('k');
  const again = await post('k');
  expect([first.status, await first.text(), first.headers.get('idempotency-replayed')]).toEqual([
    201,
    '{"run":1}',
    null,
  ]);
  expect([again.status, await again.text()]).toEqual([201, '{"run":1}']);
  expect(Object.fromEntries(again.headers)).toMatchObject({
    'idempotency-replayed': 'true',
    'content-type': 'application/json; charset=utf-8',
    location: '/things/1',
  });
  expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
  expect(runs.count).toBe(1);
});

test('without a key every request runs', async () => {
  const { post, runs } = await service();
  await post(undefined);
  await post(undefined);
  expect(runs.count).toBe(2);
});

test('a route that is not marked ignores the key', async () => {
  const { post, runs } = await service();
  await post('k', {}, '/plain');
  await post('k', {}, '/plain');
  expect(runs.count).toBe(2);
});

test('the order of members makes no other body', async () => {
  const { post } = await service();
  await post('k', { name: { x: 1, y: [1, 2] } });
  expect((await post('k', { name: { y: [1, 2], x: 1 } })).status).toBe(201);
});

test.each([{ name: 'b' }, { name: ['a'] }, { name: { x: [2, 1] } }])(
  'the same key with the body %j is a mismatch',
  async (thing) => {
    const { post, runs } = await service();
    await post('k', { name: { x: [1, 2] } });
    const response = await post('k', thing);
    expect(response.status).toBe(422);
    expect((await problemOf(response)).code).toBe('idempotency_mismatch');
    expect(runs.count).toBe(1);
  },
);

test('the same key for another path is a mismatch, on another route it is another key', async () => {
  const { post } = await service();
  expect((await post('k', {}, '/things/1/copy')).status).toBe(200);
  expect((await post('k', {}, '/things/2/copy')).status).toBe(422);
  expect((await post('k')).status).toBe(201);
});

test('while the first is still running a second is 409 with Retry-After', async () => {
  const { post, runs } = await service();
  const { promise, resolve } = Promise.withResolvers<void>();
  runs.gate = promise;
  const first = post('k');
  await until(() => runs.count === 1);
  const second = await post('k');
  expect(second.status).toBe(409);
  expect(second.headers.get('retry-after')).toBe('1');
  expect((await problemOf(second)).code).toBe('idempotency_in_progress');
  resolve();
  expect((await first).status).toBe(201);
  expect((await post('k')).headers.get('idempotency-replayed')).toBe('true');
});

test.each([409, 500] as const)('after a %i the key is free', async (status) => {
  const { post, runs } = await service();
  runs.status = status;
  expect((await post('k')).status).toBe(status);
  runs.status = 201;
  expect((await post('k')).status).toBe(201);
  expect(runs.count).toBe(2);
});

test('a request that is not valid does not use up its key', async () => {
  const { post } = await service();
  expect((await post('k', {})).status).toBe(400);
  expect((await post('k', { name: 'a' })).status).toBe(201);
});

test.each(['', 'x'.repeat(256), 'é'])('the key %j is refused', async (key) => {
  const { post, runs } = await service();
  const response = await post(key);
  expect(response.status).toBe(400);
  const { code, errors } = await problemOf(response);
  expect(code).toBe('validation_failed');
  expect(errors?.map(({ pointer }) => pointer)).toEqual(['/headers/idempotency-key']);
  expect(runs.count).toBe(0);
});

test('a key of 255 printable characters is taken', async () => {
  const { post } = await service();
  expect((await post('~ '.repeat(127) + 'x')).status).toBe(201);
});

test('tenants do not share keys', async () => {
  const issuer = await startIssuer();
  const { post, runs } = await service({ mode: 'oidc', issuer: issuer.url, audience: 'api' });
  for (const sub of ['a', 'b', 'a']) {
    expect((await post('k', { name: 1 }, '/things', await issuer.token({ sub }))).status).toBe(201);
  }
  expect(runs.count).toBe(2);
});

test('while the store is down a request with a key is 503 and not run', async () => {
  const { post, runs, stop } = await service();
  await stop();
  const response = await post('k');
  expect(response.status).toBe(503);
  expect((await problemOf(response)).code).toBe('dependency_unavailable');
  expect(runs.count).toBe(0);
  expect((await post(undefined)).status).toBe(201);
});

test('work that was done is answered even if the answer cannot be kept', async () => {
  const { post, runs, stop, logs } = await service();
  const { promise, resolve } = Promise.withResolvers<void>();
  runs.gate = promise;
  const first = post('k');
  await until(() => runs.count === 1);
  await stop();
  resolve();
  expect((await first).status).toBe(201);
  expect(JSON.stringify(logs)).toContain('could not be kept');
});

test.each([
  ['', 10_000, 201],
  [' or abandoned, when its time is up', 200, 503],
])('a store that hangs when an answer is to be kept%s holds up no answer', async (_when, timeout, status) => {
  const hang = () => new Promise<void>(() => undefined);
  const store: IdempotencyStore = {
    begin: () => Promise.resolve({ state: 'started', lease: 'x' }),
    complete: hang,
    abandon: hang,
  };
  const { url, logs } = await start(
    (app) => {
      app.register(auth, { mode: 'none' });
      app.register(idempotency, { store });
      app.register(async (api) => {
        api.post('/things', { config: { idempotent: true } }, (_request, reply) =>
          status === 201 ? reply.code(201).send({}) : hang(),
        );
      });
    },
    { handlerTimeoutMs: timeout },
  );
  const begun = performance.now();
  const response = await fetch(`${url}/things`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'k' },
  });
  expect(response.status).toBe(status);
  expect(performance.now() - begun).toBeLessThan(2_500);
  expect(JSON.stringify(logs)).toContain('could not be kept');
  expect(logs.filter(({ level }) => level === 50)).toEqual([]);
});
