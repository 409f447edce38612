import { once } from 'node:events';
import { createServer } from 'node:net';
import { portError } from '@stowage/runtime';

export interface LocalPorts {
  api: number;
  apiAdmin: number;
  /** One a worker: the ports after the api's. */
  workerAdmin: number[];
}

/**
 * The ports a person needs to know, which are therefore fixed; everything else takes free ones.
 *
 * @throws with one sentence when a setting is no number in its range, or two want the same port
 */
export function localPorts(env: NodeJS.ProcessEnv): LocalPorts {
  const workers = setting(env, 'WORKERS', 1, 32);
  const apiAdmin = setting(env, 'ADMIN_PORT', 9464, 65_535 - workers);
  const workerAdmin = Array.from({ length: workers }, (_, index) => apiAdmin + 1 + index);
  const api = setting(env, 'PORT', 3000, 65_535);
  if (api === apiAdmin || workerAdmin.includes(api)) {
    const last = workerAdmin.at(-1);
    throw new Error(
      `PORT must not be ${api}: ADMIN_PORT and WORKERS take ${apiAdmin} to ${last} for metrics`,
    );
  }
  return { api, apiAdmin, workerAdmin };
}

function setting(env: NodeJS.ProcessEnv, name: string, preset: number, most: number): number {
  const text = env[name] || String(preset);
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new Error(`${name} must be a number from 1 to ${most}, not ${text}`);
}

/** @throws {PortError} naming the first port that is taken and the setting that moves it */
export async function assertFree(ports: LocalPorts): Promise<void> {
  await probe(ports.api, 'PORT');
  for (const port of [ports.apiAdmin, ...ports.workerAdmin]) await probe(port, 'ADMIN_PORT');
}

async function probe(port: number, name: string): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    throw portError(error, port, name);
  }
  server.close();
  await once(server, 'close');
}
