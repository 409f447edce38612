import { spawnSync } from 'node:child_process';
import { path } from './path.ts';

/**
 * Runs the Docker CLI in the project's root, for a person to see.
 *
 * @throws when it fails, which it has explained itself
 */
export function docker(args: string[], input = ''): void {
  const { status, error } = spawnSync('docker', args, {
    cwd: path(''),
    input,
    env: { ...process.env, DOCKER_BUILDKIT: '1' },
    // To standard error, all of it: standard output belongs to the release.
    stdio: ['pipe', 2, 2],
  });
  if (error) throw new Error(`docker cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`docker ${args[0]} failed`);
}
