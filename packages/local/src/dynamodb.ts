import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StandIn } from './sqs.ts';

/** dynalite ships no types. */
type Dynalite = (options: { path?: string | undefined; createTableMs: number }) => Server;

/**
 * Starts a DynamoDB stand-in (dynalite) on 127.0.0.1. It has conditions, updates and queries as this application uses
 * them; it has no transactions and removes no expired items.
 *
 * @param options.dataDir where tables are kept over restarts (LevelDB); in memory without it
 */
export async function startDynamoDb(options: { dataDir?: string; port?: number } = {}): Promise<StandIn> {
  const dynalite = createRequire(import.meta.url)('dynalite') as Dynalite;
  const server = dynalite({ path: options.dataDir, createTableMs: 0 });
  await once(server.listen(options.port ?? 0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve, reject) => {
        // The event 'close' is too early: the tables are closed after it, and cannot be opened again until they are.
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
