import { type Client, type ClientConfig, escapeIdentifier, escapeLiteral } from 'pg';
import { type Login, loginOf } from './connection.ts';
import { exclusive } from './exclusive.ts';
import { scramVerifier } from './scram.ts';

/**
 * Makes the roles of a database that has only its administrator yet, and lets the one that migrates create schemas. May
 * be run again, and by two at once: a role that is there keeps its password, which rotation may have changed.
 *
 * The migration's role becomes a member of the application's, so that migrations reach what the application made.
 *
 * @param options.connection of the role that migrates
 * @param options.admin who owns the database and may create roles; need be no superuser, as RDS's master user is none
 * @returns the names of the roles that were made
 */
export function createRoles(options: {
  connection: ClientConfig;
  admin: Login;
  application?: Login | undefined;
}): Promise<string[]> {
  const { connection, admin, application } = options;
  const migration = loginOf(connection, 'the connection that migrates');
  return exclusive({ ...connection, ...admin }, async (client) => {
    const made: string[] = [];
    for (const login of [migration, application]) {
      if (login && (await createRole(client, login))) made.push(login.user);
    }
    const migrator = escapeIdentifier(migration.user);
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    for (const { name } of rows) {
      await client.query(`GRANT CREATE ON DATABASE ${escapeIdentifier(name)} TO ${migrator}`);
    }
    // Where the list of migrations is kept; others have no right there since PostgreSQL 15.
    await client.query(`GRANT CREATE ON SCHEMA public TO ${migrator}`);
    if (application && !(await isMember(client, migration.user, application.user))) {
      await client.query(`GRANT ${escapeIdentifier(application.user)} TO ${migrator}`);
    }
    return made;
  });
}

/**
 * Gives the application's role its rights on what migrations have made, anew after each run of them.
 *
 * @param options.connection as the role that owns the schemas
 * @param options.grants SQL statements for a role whose name, quoted, they are given
 */
export function grantRights(options: {
  connection: ClientConfig;
  role: string;
  grants: (role: string) => string[];
}): Promise<void> {
  const { connection, role, grants } = options;
  return exclusive(connection, async (client) => {
    for (const statement of grants(escapeIdentifier(role))) await client.query(statement);
  });
}

async function createRole(client: Client, { user, password }: Login): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
  if (rowCount) return false;
  const verifier = escapeLiteral(scramVerifier(password));
  await client.query(`CREATE ROLE ${escapeIdentifier(user)} LOGIN PASSWORD ${verifier}`);
  return true;
}

async function isMember(client: Client, role: string, group: string): Promise<boolean> {
  const { rowCount } = await client.query(`SELECT WHERE pg_has_role($1, $2, 'MEMBER')`, [role, group]);
  return rowCount === 1;
}
