import pg, { type ClientConfig } from 'pg';

/** Any number that nothing else locks in a database of this application. */
const LOCK = 5_081_971;

/** Runs `work` in a transaction; of several at once on a database, each waits for the one before it. */
export async function exclusive<T>(
  connection: ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } finally {
    await client.end(); // What is not committed is rolled back.
  }
}
