import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '../src/index.ts';
import { keepLog, startServer } from './support.ts';

const server = await startServer();
const admin = await server.open();
let dir: string;
let connection: pg.ClientConfig;
let made = 0;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'stowage-migrations-'));
  connection = { ...server.connection, database: `migrated_${++made}` };
  await admin.query(`CREATE DATABASE ${connection.database}`);
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (name: string, sql: string) => writeFileSync(join(dir, `${name}.sql`), sql);

function run(log = keepLog().log): Promise<string[]> {
  return migrate({ connection, dir, log });
}

async function query<R extends pg.QueryResultRow>(text: string): Promise<R[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

test('migrations run in the order of their numbers', async () => {
  write('0010_third', 'INSERT INTO steps VALUES (3)');
  write('0002_second', 'INSERT INTO steps VALUES (2)');
  write('0001_first', 'CREATE TABLE steps (n int, at serial); INSERT INTO steps VALUES (1)');
  expect(await run()).toEqual(['0001_first', '0002_second', '0010_third']);
  expect(await query('SELECT n FROM steps ORDER BY at')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test('what has run does not run again', async () => {
  write('0001_first', 'CREATE TABLE steps (n int)');
  await run();
  expect(await run()).toEqual([]);
  write('0002_second', 'INSERT INTO steps VALUES (2)');
  expect(await run()).toEqual(['0002_second']);
  expect(await query('SELECT n FROM steps')).toEqual([{ n: 2 }]);
});

test('of two runs at once the second waits, and each migration is applied once', async () => {
  write('0001_first', 'CREATE TABLE steps (n int); SELECT pg_sleep(0.2)');
  write('0002_second', 'INSERT INTO steps VALUES (2)');
  const runs = await Promise.all([run(), run(), run()]);
  expect(runs.flat()).toEqual(['0001_first', '0002_second']);
  expect(await query('SELECT n FROM steps')).toEqual([{ n: 2 }]);
});

test('a migration that fails takes its whole run back, and the run after the mend does it all', async () => {
  const { log, lines } = keepLog();
  write('0001_first', 'CREATE TABLE steps (n int)');
  write('0002_second', 'INSERT INTO steps VALUES (2); INSERT INTO stairs VALUES (2)');
  await expect(run(log)).rejects.toMatchObject({ code: '42P01', message: expect.stringContaining('stairs') });
  expect(await query("SELECT to_regclass('steps') AS steps")).toEqual([{ steps: null }]);
  expect(lines.join('')).toContain('stairs');
  expect(lines.join('')).not.toContain('current transaction is aborted');

  write('0002_second', 'INSERT INTO steps VALUES (2)');
  expect(await run()).toEqual(['0001_first', '0002_second']);
});

test('a migration that was added before one that has run is refused', async () => {
  write('0002_second', 'SELECT 1');
  await run();
  write('0001_late', 'SELECT 1');
  await expect(run()).rejects.toThrow('0001_late is preceding already run migration 0002_second');
});

test('a server that refuses is an error, without the password in the log', async () => {
  const { log, lines } = keepLog();
  write('0001_first', 'SELECT 1');
  connection = { ...connection, password: 'wrong-hush' };
  await expect(run(log)).rejects.toMatchObject({ code: '28P01' });
  expect(lines.join('')).not.toContain('wrong-hush');
});
