import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below what systems give to connections that go out (Linux: from 32768, ip-sysctl.rst). Among those, one could take the
 * port of a service while that is restarted, and keep it: even who asks for the dead service may be given its port.
 */
const PORTS = { first: 10_000, end: 32_768 };
const ATTEMPTS = 50;

/**
 * A port of 127.0.0.1 that nothing listens on just now.
 *
 * @throws when none was found
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(PORTS.first, PORTS.end);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found between ${PORTS.first} and ${PORTS.end}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
