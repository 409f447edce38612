export { connectionSource, parseConnection, parseLogin } from './connection.ts';
export { type Database, openDatabase } from './database.ts';
export { isDatabaseUnavailable } from './errors.ts';
export { migrate } from './migrate.ts';
export { createRoles, grantRights } from './roles.ts';
export { databaseRules, databaseSettings } from './settings.ts';
