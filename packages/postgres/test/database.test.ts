import { beforeEach, expect, test } from 'vitest';
import { isDatabaseUnavailable } from '../src/index.ts';
import { failureOf, fixed, startServer, until } from './support.ts';

const server = await startServer();
const database = await server.open();
/** Its only connection shows what a statement or a transaction leaves behind. */
const single = await server.open({ applicationName: 'single', maxConnections: 1 });
await database.query('CREATE TABLE notes (text text PRIMARY KEY)');
beforeEach(() => database.query('TRUNCATE notes'));

const notes = async () =>
  (await database.query<{ text: string }>('SELECT text FROM notes ORDER BY text')).map(({ text }) => text);
const insert = 'INSERT INTO notes VALUES ($1)';
const pidOf = async () => (await single.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]?.pid;

test('a query takes values and gives rows', async () => {
  expect(await database.query('SELECT $1::int + 1 AS sum, $2::text AS text', [1, "'a'"])).toEqual([
    { sum: 2, text: "'a'" },
  ]);
});

test('a connection says whose it is', async () => {
  expect(await single.query('SHOW application_name')).toEqual([{ application_name: 'single' }]);
});

test('a statement that fails leaves its connection to the next', async () => {
  const pid = await pidOf();
  await expect(single.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
  expect(await pidOf()).toBe(pid);
});

test('a transaction that returns is committed', async () => {
  const result = await database.transaction(async (client) => {
    await client.query(insert, ['a']);
    await client.query(insert, ['b']);
    return 'done';
  });
  expect(result).toBe('done');
  expect(await notes()).toEqual(['a', 'b']);
});

test('a transaction that throws is rolled back, with the error it threw', async () => {
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    throw new Error('changed my mind');
  });
  await expect(failed).rejects.toThrow('changed my mind');
  expect(await notes()).toEqual([]);
  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a statement that fails rolls the transaction back, and the connection goes on', async () => {
  const pid = await pidOf();
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    await client.query(insert, ['a']);
  });
  await expect(failed).rejects.toMatchObject({ code: '23505' });
  expect(await notes()).toEqual([]);
  expect(await pidOf()).toBe(pid);
});

test('a transaction whose failed statement was overlooked is no success', async () => {
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    await client.query(insert, ['a']).catch(() => undefined);
  });
  await expect(failed).rejects.toThrow('rolled back');
  expect(await notes()).toEqual([]);
  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('aborting cuts the transaction in the middle of a statement, and Postgres rolls it back', async () => {
  const abort = new AbortController();
  const started = Promise.withResolvers<void>();
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    started.resolve();
    await client.query('SELECT pg_sleep(30)');
  }, abort.signal);
  await started.promise;
  const begun = performance.now();
  abort.abort(new Error('out of time'));
  await expect(failed).rejects.toThrow('out of time');
  expect(performance.now() - begun).toBeLessThan(1_000);

  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await until(async () => {
    const running = await database.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)'");
    return running.length === 0;
  });
  await database.query(insert, ['a']); // It would wait for a transaction that goes on.
});

test('aborting between statements fails the next one with the reason', async () => {
  const abort = new AbortController();
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    abort.abort(new Error('out of time'));
    await client.query(insert, ['b']);
  }, abort.signal);
  await expect(failed).rejects.toThrow('out of time');
  expect(await notes()).toEqual([]);
  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('aborting after the last statement still rolls back', async () => {
  const abort = new AbortController();
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    abort.abort(new Error('out of time'));
  }, abort.signal);
  await expect(failed).rejects.toThrow('out of time');
  expect(await notes()).toEqual([]);
});

test('aborting while a failed transaction rolls back harms nothing', async () => {
  const abort = new AbortController();
  const failed = single.transaction(async (client) => {
    await client.query(insert, ['a']);
    try {
      await client.query(insert, ['a']);
    } finally {
      setImmediate(() => abort.abort(new Error('out of time'))); // ROLLBACK is sent by then, and not answered.
    }
  }, abort.signal);
  await expect(failed).rejects.toThrow(/out of time|duplicate key/);
  expect(await single.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(await notes()).toEqual([]);
});

test('a signal that was aborted before, or while a connection was awaited, starts no work', async () => {
  const pid = await pidOf();
  let worked = false;
  const work = async () => void (worked = true);
  await expect(single.transaction(work, AbortSignal.abort(new Error('too late')))).rejects.toThrow(
    'too late',
  );
  expect(await pidOf()).toBe(pid);

  const abort = new AbortController();
  const holding = single.query('SELECT pg_sleep(0.2)');
  const waiting = single.transaction(work, abort.signal);
  abort.abort(new Error('out of time'));
  await expect(waiting).rejects.toThrow('out of time');
  await holding;
  expect(worked).toBe(false);
});

test('an abort after the end does nothing', async () => {
  const abort = new AbortController();
  await single.transaction((client) => client.query(insert, ['a']), abort.signal);
  const pid = await pidOf();
  abort.abort();
  expect(await pidOf()).toBe(pid);
});

test('a statement that takes too long is canceled and counts as unavailable', async () => {
  const hasty = await server.open({ maxConnections: 1, statementTimeoutMs: 50 });
  const error = await failureOf(hasty.query('SELECT pg_sleep(10)'));
  expect(error).toMatchObject({ code: '57014' });
  expect(isDatabaseUnavailable(error)).toBe(true);
  expect(await hasty.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('the URL’s own options are kept', async () => {
  const connection = { ...server.connection, options: '-c work_mem=12MB' };
  const tuned = await server.open({ source: fixed(connection) });
  expect(await tuned.query('SHOW work_mem')).toEqual([{ work_mem: '12MB' }]);
});

test('a closed pool lets nothing in', async () => {
  const closing = await server.open();
  await closing.query('SELECT 1');
  await closing.close();
  await expect(closing.query('SELECT 1')).rejects.toThrow('Cannot use a pool after calling end');
});
