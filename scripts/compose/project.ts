import { spawnSync } from 'node:child_process';
import { freePort } from '@stowage/local';
import { compose, docker } from './docker.ts';

/**
 * Brings the Compose stack up under a name and on ports of its own, beside whatever runs, and takes it down with all
 * that it made.
 *
 * @param options.settings what `.env` would set
 * @param use gets the environment that makes `docker compose` mean this stack, which `process.env` has as well
 */
export async function withStack(
  options: { name: string; settings?: Record<string, string>; scale?: Record<string, number> },
  use: (environment: NodeJS.ProcessEnv) => Promise<void> | void,
): Promise<void> {
  const [api, admin, aws] = await Promise.all([freePort(), freePort(), freePort()]);
  Object.assign(process.env, {
    COMPOSE_PROJECT_NAME: options.name,
    COMPOSE_ENV_FILES: '/dev/null',
    GIT_SHA: gitSha(),
    BUILD_DATE: new Date().toISOString(),
    PORT: String(api),
    ADMIN_PORT: String(admin),
    AWS_PORT: String(aws),
    ...options.settings,
  });
  const scale = Object.entries(options.scale ?? {}).flatMap(([name, count]) => [
    '--scale',
    `${name}=${count}`,
  ]);
  try {
    compose('down', '--volumes', '--remove-orphans', '--timeout', '1');
    docker(['compose', 'build'], { show: true });
    const begun = performance.now();
    docker(['compose', 'up', '--wait', '--wait-timeout', '120', ...scale], { show: true });
    console.log(`up and healthy in ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    await use(process.env);
  } catch (error) {
    docker(['compose', 'ps', '--all'], { show: true });
    docker(['compose', 'logs', '--tail', '40'], { show: true });
    throw error;
  } finally {
    compose('down', '--volumes', '--timeout', '10');
  }
}

function gitSha(): string {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'development';
}
