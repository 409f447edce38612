import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Postgres, startPostgres } from '../src/postgres.ts';
import { unprivileged } from '../src/unprivileged.ts';
import { eventually, processes, runs } from './processes.ts';

const PASSWORD = 'secret';
const STARTER = join(import.meta.dirname, 'programs/postgres.ts');

/** A cluster with a table `kept` of one row, which every test gets a copy of. */
let original: string;
let folder: string;
let dataDir: string;
let cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), 'stowage-postgres-'));
  const server = await startPostgres({ dataDir: join(original, 'data'), password: PASSWORD, fsync: false });
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await server.stop();
});
afterAll(() => rmSync(original, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowage-postgres-'));
  dataDir = join(folder, 'data');
  execFileSync('cp', ['-a', join(original, 'data'), dataDir]);
});
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: { port?: number } = {}): Promise<Postgres> {
  const server = await startPostgres({ dataDir, password: PASSWORD, fsync: false, ...options });
  cleanups.push(() => server.stop());
  return server;
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  // It may be cut on purpose, which is told twice: to the statement, and as an event.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

const kept = (server: Postgres) => query(server.url, 'SELECT answer FROM kept');

/** A server whose starter is another process, and the processes of both. */
async function startElsewhere() {
  const starter = fork(STARTER, [dataDir]);
  const exited = once(starter, 'exit');
  const [port] = (await once(starter, 'message')) as [number];
  const postmaster = postmasterPid();
  cleanups.push(() => runs(postmaster) && process.kill(postmaster, 'SIGKILL'));
  const shells = processes()
    .filter(({ args }) => args.startsWith('sh ') && args.includes(dataDir))
    .toSorted((one, other) => (one.pid === other.parent ? -1 : 1));
  return { starter, exited, port, postmaster, shells };
}

function postmasterPid(): number {
  return Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (connected: boolean) => {
      socket.destroy();
      resolve(connected);
    };
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false));
  });
}

test('the first start makes a cluster, and what is written stays over a stop', async () => {
  rmSync(dataDir, { recursive: true });
  const first = await start();
  await query(first.url, 'CREATE TABLE kept AS SELECT 43 AS answer');
  await first.stop();
  expect(await kept(await start())).toEqual([{ answer: 43 }]);
});

test('a killed server recovers what it had committed', async () => {
  const first = await start();
  await query(first.url, 'UPDATE kept SET answer = 44');
  await first.kill();
  const second = await start({ port: first.port });
  expect(second.port).toBe(first.port);
  expect(await kept(second)).toEqual([{ answer: 44 }]);
});

test('a start waits for a backend that outlives its killed server', async () => {
  const first = await start();
  const busy = `DO $$ BEGIN WHILE clock_timestamp() < now() + interval '1.5 s' LOOP END LOOP; END $$`;
  const statement = query(first.url, busy).catch((error: Error) => error);
  await eventually(async () => {
    const [row] = await query(
      first.url,
      `SELECT FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'`,
    );
    return row;
  });
  process.kill(postmasterPid(), 'SIGKILL');
  await first.died;
  expect(await kept(await start())).toEqual([{ answer: 42 }]);
  await statement;
});

test('a server that dies says so, one that is stopped or killed does not', async () => {
  const dying = await start();
  process.kill(postmasterPid(), 'SIGKILL');
  expect(await dying.died).toBe('exited with status 137');
  const stopped = await start();
  await stopped.stop();
  expect(await Promise.race([stopped.died, Promise.resolve('silent')])).toBe('silent');
});

test('a server goes away by itself when its starter is killed', async () => {
  const { starter, postmaster, port } = await startElsewhere();
  starter.kill('SIGKILL');
  await eventually(() => !runs(postmaster));
  expect(await canConnect('127.0.0.1', port)).toBe(false);
  // An orderly stop, not a crash: it took its file with it.
  expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(false);
});

test('a server that lost its starter and the shell above it is taken over', async () => {
  const { exited, postmaster, port, starter, shells } = await startElsewhere();
  expect(shells).toHaveLength(2);
  // The reader first, which stops the server as soon as the shell above it or the starter is gone.
  for (const { pid } of shells.toReversed()) process.kill(pid, 'SIGKILL');
  starter.kill('SIGKILL');
  await exited;
  expect(await canConnect('127.0.0.1', port)).toBe(true);
  expect(await kept(await start())).toEqual([{ answer: 42 }]);
  expect(runs(postmaster)).toBe(false);
});

test('a half-made cluster is made anew', async () => {
  rmSync(dataDir, { recursive: true });
  mkdirSync(`${dataDir}.new/base`, { recursive: true });
  writeFileSync(`${dataDir}.new/PG_VERSION`, '18\n');
  const server = await start();
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(existsSync(`${dataDir}.new`)).toBe(false);
});

test('a dead server’s file does not count when its process id is another program’s now', async () => {
  const [command, args] = unprivileged('sleep', ['60'], '/');
  const other = spawn(command, args);
  cleanups.push(() => other.kill());
  await once(other, 'spawn');
  const file = join(dataDir, 'postmaster.pid');
  writeFileSync(file, `${other.pid}\n${dataDir}\n1700000000\n5432\n\n127.0.0.1\n\nready\n`);
  expect(await kept(await start())).toEqual([{ answer: 42 }]);
});

test('it runs below a folder that only its owner may enter', async () => {
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(await kept(await start())).toEqual([{ answer: 42 }]);
});

test('it listens on 127.0.0.1 and nowhere else', async () => {
  const { port, url } = await start();
  expect(await query(url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  expect(await query(url, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
  for (const address of addresses) expect(await canConnect(address, port)).toBe(address === '127.0.0.1');
});

test('nobody gets in without the password', async () => {
  const { url } = await start();
  for (const password of ['wrong', '']) {
    const other = new URL(url);
    other.password = password;
    await expect(query(other.href, 'SELECT 1')).rejects.toThrow(/password/);
  }
});

test('a cluster that cannot be started is explained in Postgres’ own words', async () => {
  writeFileSync(join(dataDir, 'PG_VERSION'), '9.6\n');
  await expect(start()).rejects.toThrow(/status 1.*incompatible/s);
});
