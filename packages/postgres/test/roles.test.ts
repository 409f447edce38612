import pg from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRoles, grantRights } from '../src/index.ts';
import { failureOf, startServer } from './support.ts';

const server = await startServer();
const superuser = await server.open({ applicationName: 'superuser' });
// As on RDS: may make roles and databases, and is no superuser.
await superuser.query("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'master-hush'");
const admin = { user: 'master', password: 'master-hush' };
let made = 0;
let database: string;
let application: { user: string; password: string };
let connection: pg.ClientConfig;

beforeEach(async () => {
  database = `database-${++made}`;
  await superuser.query(`CREATE DATABASE "${database}" OWNER master`);
  const { host, port } = server.connection;
  connection = { host, port, database, user: `migrate-${made}`, password: 'migrate-hush' };
  application = { user: `app-${made}`, password: 'app-hush' };
});
afterEach(() => void vi.restoreAllMocks());

/** Runs a statement as somebody else. */
async function as(login: { user?: string; password?: unknown }, text: string): Promise<object[]> {
  const client = new pg.Client({ ...connection, ...(login as pg.ClientConfig) });
  await client.connect();
  try {
    return (await client.query<object>(text)).rows;
  } finally {
    await client.end();
  }
}

const isDenied = { code: '42501' };

test('roles that are missing are made by an administrator who is no superuser', async () => {
  expect(await createRoles({ connection, admin, application })).toEqual([connection.user, application.user]);
  await as(connection, 'CREATE SCHEMA theirs');
  await as(connection, 'CREATE TABLE public.list (name text)');
  expect(await as(application, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  for (const text of [
    'CREATE SCHEMA mine',
    'CREATE TABLE public.mine (a int)',
    'SELECT * FROM public.list',
  ]) {
    expect(await failureOf(as(application, text))).toMatchObject(isDenied);
  }
});

test('it may be done again, and by two at once', async () => {
  const runs = await Promise.all([1, 2, 3].map(() => createRoles({ connection, admin, application })));
  expect(runs.flat().toSorted()).toEqual([application.user, connection.user]);
  expect(await createRoles({ connection, admin, application })).toEqual([]);
});

test('a role that is there keeps the password that a rotation gave it', async () => {
  await createRoles({ connection, admin, application });
  await as(application, `ALTER ROLE "${application.user}" PASSWORD 'rotated'`);
  await createRoles({ connection, admin, application });
  expect(await failureOf(as(application, 'SELECT 1'))).toMatchObject({ code: '28P01' });
  expect(await as({ ...application, password: 'rotated' }, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('without an application only the role that migrates is made', async () => {
  expect(await createRoles({ connection, admin })).toEqual([connection.user]);
  expect(await createRoles({ connection, admin, application })).toEqual([application.user]);
});

test('no statement carries a password, or it would be in the server’s log', async () => {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  await createRoles({ connection, admin, application });
  const texts = query.mock.calls.map(([text]) => text);
  expect(texts.filter((text) => text.startsWith('CREATE ROLE'))).toHaveLength(2);
  expect(texts.join()).not.toContain('hush');
});

test('rights are granted by who migrates, who can pass on and reach what the application owns', async () => {
  await createRoles({ connection, admin, application });
  await as(connection, 'CREATE SCHEMA theirs; CREATE TABLE theirs.a (n int); CREATE SCHEMA "own"');
  const grants = (role: string) => [
    `GRANT USAGE ON SCHEMA theirs TO ${role}`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA theirs TO ${role}`,
    `ALTER SCHEMA "own" OWNER TO ${role}`,
  ];
  const grant = () => grantRights({ connection, role: application.user, grants });
  await Promise.all([grant(), grant(), grant()]);
  await as(application, 'CREATE TABLE "own".b (n int)');
  expect(await as(application, 'SELECT * FROM theirs.a')).toEqual([]);
  expect(await failureOf(as(application, 'DROP TABLE theirs.a'))).toMatchObject(isDenied);
  await as(connection, 'ALTER TABLE "own".b ADD m int');
  await grant();
});

test('rights are granted all or none', async () => {
  await createRoles({ connection, admin, application });
  await as(connection, 'CREATE SCHEMA theirs');
  const grants = (role: string) => [`GRANT USAGE ON SCHEMA theirs TO ${role}`, 'GRANT nothing'];
  await expect(grantRights({ connection, role: application.user, grants })).rejects.toMatchObject({
    code: '42601',
  });
  const usage = `SELECT has_schema_privilege('${application.user}', 'theirs', 'USAGE') AS usage`;
  expect(await as(connection, usage)).toEqual([{ usage: false }]);
});

test('a connection without a login cannot be made a role of', async () => {
  await expect(async () =>
    createRoles({ connection: { ...connection, password: '' }, admin }),
  ).rejects.toThrow('the connection that migrates lacks one of username and password');
});
