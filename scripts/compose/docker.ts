import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs the Docker CLI in the project's root and returns what it printed.
 *
 * @param options.input for its standard input
 * @param options.show lets a person see what it prints, instead of returning it
 * @throws with what it complained of, when it fails
 */
export function docker(args: string[], options: { input?: string; show?: boolean } = {}): string {
  const { status, stdout, stderr, error } = spawnSync('docker', args, {
    cwd: root,
    encoding: 'utf8',
    input: options.input ?? '',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['pipe', options.show ? 'inherit' : 'pipe', options.show ? 'inherit' : 'pipe'],
  });
  if (error) throw new Error(`docker cannot be run: ${error.message}. Install Docker with Compose v2.`);
  if (status !== 0)
    throw new Error(`docker ${args.join(' ')} ended with ${status}: ${stderr ?? ''}${stdout ?? ''}`);
  return stdout ?? '';
}

/** `docker compose`, of the project that COMPOSE_PROJECT_NAME names. */
export const compose = (...args: string[]): string => docker(['compose', ...args]);

/** Id of a service's container, running or not. */
export function containerOf(service: string, index = 1): string {
  const project = process.env['COMPOSE_PROJECT_NAME'] ?? 'stowage';
  const labels = { project, service, 'container-number': index };
  const filters = Object.entries(labels).flatMap(([name, value]) => [
    '--filter',
    `label=com.docker.compose.${name}=${value}`,
  ]);
  const id = docker(['ps', '--all', '--quiet', '--no-trunc', ...filters]).trim();
  if (!id) throw new Error(`there is no container ${service}-${index} of ${project}`);
  return id;
}
