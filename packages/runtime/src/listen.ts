import { once } from 'node:events';
import type { Server } from 'node:net';

/** A port could not be listened on; the message names the port and the setting that moves it. */
export class PortError extends Error {
  override name = 'PortError';
}

/**
 * Turns the error of a failed `listen` into one that says which setting to change.
 *
 * @param setting the environment variable that names the port
 */
export function portError(error: unknown, port: number, setting: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') return new PortError(`port ${port} is taken: set ${setting} to another one`);
  if (code === 'EACCES')
    return new PortError(`port ${port} needs more rights: set ${setting} to one above 1023`);
  return error;
}

/** Listens, or throws a {@link PortError}. */
export async function listen(
  server: Server,
  options: { host: string; port: number; setting: string },
): Promise<void> {
  try {
    await once(server.listen(options.port, options.host), 'listening');
  } catch (error) {
    throw portError(error, options.port, options.setting);
  }
}
