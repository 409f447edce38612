/* Starts Postgres on the data folder it is given and tells its port; a test ends it by `kill -9`. */
import { startPostgres } from '../../src/postgres.ts';

const { port } = await startPostgres({ dataDir: process.argv[2] ?? '', password: 'secret', fsync: false });
process.send?.(port);
