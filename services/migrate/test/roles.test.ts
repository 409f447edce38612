import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, startFreshDatabase } from './support.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await startFreshDatabase();
});
afterAll(() => database.close());

test('the first run makes roles and schema, by TLS, and later ones change nothing', async () => {
  const first = await database.migrate();
  expect(first).toMatchObject({ code: 0 });
  expect(first.output).toContain('"made":["stowage_migrate","stowage_app"]');
  expect(first.output).toContain('database migrated');
  const later = await Promise.all([database.migrate(), database.migrate()]);
  for (const { code, output } of later) {
    expect(code).toBe(0);
    expect(output).toContain('"made":[]');
    expect(output).toContain('database is up to date');
  }
  for (const { output } of [first, ...later]) expect(output).not.toContain('hush');
});

test('a database whose authority is unknown is told nothing', async () => {
  const { code, output } = await database.migrate({ NODE_EXTRA_CA_CERTS: '' });
  expect(code).toBe(1);
  expect(output).toContain('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test.each(['DATABASE_ADMIN', 'DATABASE_APPLICATION'])(
  'a %s that is no login ends it with one line, which shows nothing of it',
  async (name) => {
    const { code, output } = await database.migrate({ [name]: '{"username":"hush-hush"}' });
    expect(code).toBe(1);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(output).toContain(`${name} lacks one of username and password`);
    expect(output).not.toContain('hush');
  },
);

test('each role owns its own schema', async () => {
  const owners = `SELECT nspname AS schema, pg_get_userbyid(nspowner) AS owner FROM pg_namespace
                  WHERE nspname IN ('stowage', 'dataset_rows') ORDER BY 1`;
  expect(await database.query(database.application, owners)).toEqual([
    { schema: 'dataset_rows', owner: 'stowage_app' },
    { schema: 'stowage', owner: 'stowage_migrate' },
  ]);
});

test.each([
  'ALTER TABLE stowage.datasets ADD mine int',
  'DROP TABLE stowage.chunks',
  'TRUNCATE stowage.rejects',
  'CREATE INDEX ON stowage.chunks (rows)',
  'CREATE TABLE stowage.mine (a int)',
  'CREATE TABLE public.mine (a int)',
  'CREATE SCHEMA mine',
  'DROP SCHEMA stowage CASCADE',
  'SELECT * FROM public.migrations',
  'DELETE FROM public.migrations',
  'SET ROLE stowage_migrate',
  'SET ROLE master',
])('the application may not %s', async (text) => {
  await expect(database.query(database.application, text)).rejects.toMatchObject({ code: '42501' });
});
