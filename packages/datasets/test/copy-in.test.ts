import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Postgres, startPostgres } from '@stowage/local';
import { copyIn } from '../src/stores/copy-in.ts';

const folder = mkdtempSync(join(tmpdir(), 'stowage-copy-'));
let postgres: Postgres;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await startPostgres({ dataDir: join(folder, 'postgres'), password: 'test', fsync: false });
  pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  pool.on('error', () => undefined);
  await pool.query('CREATE TABLE lines (line text NOT NULL CHECK (line <> $$bad$$))');
});
afterAll(async () => {
  await pool.end();
  await postgres.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => pool.query('TRUNCATE lines'));

const COPY = 'COPY lines (line) FROM STDIN';

test('blocks are copied, however many', async () => {
  const client = await pool.connect();
  await copyIn(
    client,
    COPY,
    Array.from({ length: 1_000 }, () => Buffer.from('x\n'.repeat(1_000))),
  );
  client.release();
  const { rows } = await pool.query('SELECT count(*)::int FROM lines');
  expect(rows).toEqual([{ count: 1_000_000 }]);
});

test('what Postgres refuses fails with its error, and the connection goes on', async () => {
  const client = await pool.connect();
  await expect(copyIn(client, COPY, [Buffer.from('bad\n')])).rejects.toMatchObject({ code: '23514' });
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  client.release();
});

test('blocks that fail end the COPY with nothing kept, and the connection goes on', async () => {
  function* failing() {
    yield Buffer.from('good\n'.repeat(100_000));
    throw new Error('no more');
  }
  const client = await pool.connect();
  await expect(copyIn(client, COPY, failing())).rejects.toThrow('no more');
  expect((await client.query('SELECT count(*)::int FROM lines')).rows).toEqual([{ count: 0 }]);
  client.release();
});

test('a server that is stopped in the middle fails the COPY at once', async () => {
  const client = await pool.connect();
  client.on('error', () => undefined);
  let sent = 0;
  function* endless() {
    for (;;) {
      if (++sent === 50) void postgres.stop();
      yield Buffer.from('x\n'.repeat(10_000));
    }
  }
  await expect(copyIn(client, COPY, endless())).rejects.toThrow(/terminat|ECONNRESET|EPIPE/);
  client.release(true);
  const { port } = postgres;
  postgres = await startPostgres({ dataDir: join(folder, 'postgres'), password: 'test', fsync: false, port });
});
