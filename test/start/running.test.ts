import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../support/client.ts';
import { type Checkout, createCheckout, type Running } from './checkout.ts';
import { listening, type Process } from './processes.ts';

const WORKERS = 3;

/** One that runs, and one for starts that must fail beside it. */
let checkout: Checkout;
let other: Checkout;
let npm: Running;
let seconds: number;

beforeAll(async () => {
  [checkout, other] = await Promise.all([createCheckout({ workers: WORKERS }), createCheckout()]);
  npm = checkout.npm(['start'], { WORKERS: String(WORKERS) });
  await npm.prints(/Ctrl-C stops/);
  seconds = Number(/ready \(([\d.]+) s\)/.exec(npm.output())?.[1]);
});
afterAll(async () => {
  npm.child.kill('SIGTERM');
  await npm.exit();
  checkout.kill();
  for (const one of [checkout, other]) one.remove();
});

const processOf = (part: string): Process => {
  const found = checkout.left().find(({ args }) => args.includes(part));
  if (!found) throw new Error(`no process of ${part}`);
  return found;
};

test('it says where api, reference and metrics are, and one line to try, as the last thing', () => {
  const { api, admin } = checkout.ports;
  const said = npm.output();
  for (const line of [
    `  api         http://localhost:${api}`,
    `  reference   http://localhost:${api}/docs`,
    `  metrics     http://localhost:${admin}/metrics (api)`,
    `              http://localhost:${admin + 3}/metrics (worker-3)`,
    `  npm run stow -- test/fixtures/airports.csv --url http://localhost:${api}`,
  ]) {
    expect(said.split('\n')).toContain(line);
  }
  expect(said.trimEnd().split('\n').at(-1)).toMatch(/^Ctrl-C stops everything/);
  expect(seconds).toBeGreaterThan(0);
});

test('what it names answers: api, reference, and metrics of the api and of three workers', async () => {
  const { api, admin } = checkout.ports;
  const metrics = Array.from({ length: 1 + WORKERS }, (_, index) => `${admin + index}/metrics`);
  for (const place of [`${api}/health`, `${api}/docs`, ...metrics]) {
    expect(await fetch(`http://localhost:${place}`)).toMatchObject({ status: 200 });
  }
});

test('everything listens on loopback', () => {
  const { api, admin } = checkout.ports;
  const addresses = listening(checkout.left().map(({ pid }) => pid));
  for (const port of [api, admin, admin + 1, admin + 2, admin + 3]) {
    expect(addresses).toContain(`127.0.0.1:${port}`);
  }
  // Postgres and the four stand-ins.
  expect(addresses).toHaveLength(1 + 1 + WORKERS + 5);
  expect(addresses.filter((address) => !address.startsWith('127.0.0.1:'))).toEqual([]);
});

test('a second start of the same checkout says in one line that it runs', async () => {
  const second = checkout.npm(['start', '--silent']);
  expect(await second.exit()).toBe(1);
  expect(second.output()).toMatch(
    new RegExp(`^stowage: it runs already, as process \\d+, on http://localhost:${checkout.ports.api}\\n$`),
  );
  expect((await fetch(`${checkout.url}/health`)).status).toBe(200);
});

test.each([
  ['PORT', () => checkout.ports.api],
  ['ADMIN_PORT', () => checkout.ports.admin],
])('a taken %s is named in one line, and nothing is left behind', async (setting, port) => {
  const second = other.npm(['start', '--silent'], { [setting]: String(port()) });
  expect(await second.exit()).toBe(1);
  expect(second.output()).toBe(`stowage: port ${port()} is taken: set ${setting} to another one\n`);
  expect(other.left()).toEqual([]);
});

test('a service that cannot start ends everything with its own reason', async () => {
  const broken = other.npm(['start', '--silent'], { DATABASE_CONNECTIONS: 'many' });
  expect(await broken.exit()).toBe(1);
  expect(broken.output()).toMatch(/DATABASE_CONNECTIONS/);
  expect(broken.output()).toMatch(/stowage: api exited with status 1 before all services were healthy\n$/);
  expect(other.left()).toEqual([]);
});

test('npm run env prints what a shell needs', async () => {
  const env = checkout.npm(['run', '-s', 'env']);
  expect(await env.exit()).toBe(0);
  expect(env.output().trimEnd().split('\n')).toSatisfy((lines: string[]) =>
    lines.every((line) => line.startsWith('export ')),
  );
  const names = ['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL_S3'];
  names.push('AWS_ENDPOINT_URL_SQS', 'AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_SECRETS_MANAGER');
  names.push('QUEUE_URL', 'TABLE_NAME', 'BUCKET_NAME', 'DATABASE_URL', 'STOWAGE_URL');
  const script = `set -eu; ${env.output()}\nfor name in ${names.join(' ')}; do eval "echo \\$$name"; done`;
  const values = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: {} }).trimEnd().split('\n');
  expect(values).toHaveLength(names.length);
  const { default: pg } = await import('pg');
  const database = new pg.Client({ connectionString: values[names.indexOf('DATABASE_URL')] });
  await database.connect();
  expect((await database.query('SELECT current_user AS role')).rows).toEqual([{ role: 'stowage' }]);
  await database.end();
});

test('npm run env says so when nothing runs', async () => {
  const env = other.npm(['run', '-s', 'env']);
  expect(await env.exit()).toBe(1);
  expect(env.output()).toBe('stowage: no embedded stack runs here. Start one with `npm start`.\n');
});

test('a killed worker is started again, and that is said', async () => {
  const killed = processOf('services/worker/src/main.ts');
  process.kill(killed.pid, 'SIGKILL');
  await npm.prints(/^stowage {3}worker-\d was ended by SIGKILL: starting it again$/m);
  const workers = () => checkout.left().filter(({ args }) => args.includes('services/worker/src/main.ts'));
  await expect.poll(() => workers().length, { timeout: 10_000 }).toBe(WORKERS);
  expect(workers().map(({ pid }) => pid)).not.toContain(killed.pid);
});

test('Postgres that was killed is started again, and rows are read as before', async () => {
  const client = createClient(checkout.url);
  const { id } = await client.load('kept', 'a\n1\n2\n');
  const postmaster = Number(
    readFileSync(join(checkout.root, '.local/postgres/postmaster.pid'), 'utf8').split('\n')[0],
  );
  process.kill(postmaster, 'SIGKILL');
  await npm.prints(/^stowage {3}postgres exited with status 137: starting it again$/m);
  await expect.poll(() => client.rows(id).catch(() => []), { timeout: 15_000 }).toHaveLength(2);
});

test('SIGTERM to npm drains and leaves no process behind', async () => {
  // The worker that was killed above must have come up again: before that it has nothing to drain.
  const health = `http://127.0.0.1:${checkout.ports.admin + 1}/health`;
  await expect
    .poll(
      () =>
        fetch(health).then(
          ({ status }) => status,
          () => 'refused',
        ),
      { timeout: 15_000 },
    )
    .toBe(200);
  npm.child.kill('SIGTERM');
  expect(await npm.exit()).toBe(0);
  expect(npm.output()).toMatch(/^stowage {3}SIGTERM: draining$/m);
  expect(npm.output()).toMatch(/^stowage {3}stopped; state is kept in \.local\/$/m);
  for (const service of ['api', 'worker-1', 'worker-2', 'worker-3']) {
    expect(npm.output()).toMatch(new RegExp(`^${service} +stopped clean=true$`, 'm'));
  }
  expect(checkout.left()).toEqual([]);
});
