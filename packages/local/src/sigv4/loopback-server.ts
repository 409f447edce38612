import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StandIn } from '../sqs.ts';

/** Answers one request; never rejects. */
export type Handler = (message: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Longer than a client's pool keeps a connection idle: it must be the client who closes one. */
const KEEP_ALIVE_MS = 120_000;

/**
 * Serves HTTP on 127.0.0.1.
 *
 * @param port 0 takes any free port
 * @param open called once the port is ours and before the first request: what a second process, started by mistake
 *   with the same port, must not touch is opened here
 */
export async function serveOnLoopback(port: number, open: () => Handler): Promise<StandIn> {
  // uploads may take as long as they take
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const running = new Set<Promise<void>>();
  async function close(): Promise<void> {
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
    await Promise.all(running);
  }

  try {
    const handler = open();
    const run = (message: IncomingMessage, response: ServerResponse): void => {
      const request = handler(message, response).finally(() => running.delete(request));
      running.add(request);
    };
    server.on('request', run);
    // whether the body is asked for is the handler's decision, after it looked at the headers
    server.on('checkContinue', run);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
