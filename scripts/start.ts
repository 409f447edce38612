/*
 * `npm start`: the whole application on this machine, with nothing installed but what npm brings. Postgres and the
 * stand-ins for AWS run below this process, api and workers beside it, each a process of its own.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { migrationsDir } from '@stowage/datasets';
import { type ServiceSpec, startStack, supervise } from '@stowage/local';
import { migrate, parseConnection } from '@stowage/postgres';
import { createLogger } from '@stowage/runtime';
import { explained } from './start/explained.ts';
import { openLogs } from './start/logs.ts';
import { assertFree, localPorts } from './start/ports.ts';
import { claimState, publishState, releaseState, stateDir } from './start/state.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Longer than the api’s and the worker’s own drain below, so that nothing in flight is cut. */
const STOP_GRACE_MS = 30_000;

await explained(async () => {
  const begun = performance.now();
  const ports = localPorts(process.env);
  claimState();
  await assertFree(ports);

  const stack = await startStack({ stateDir, template: readFileSync(`${root}infra/storage.yml`, 'utf8') });
  await migrate({
    connection: parseConnection(stack.databaseUrl, 'the local database'),
    dir: migrationsDir,
    log: createLogger({ service: 'migrate', version: 'development', level: 'warn' }),
  });

  const service = (
    name: string,
    program: string,
    port: number,
    environment: Record<string, string>,
  ): ServiceSpec => ({
    name,
    script: `${root}services/${program}/src/main.ts`,
    healthUrl: `http://127.0.0.1:${port}/health`,
    environment: { ...stack.environment, ADMIN_HOST: '127.0.0.1', ...environment },
  });
  const url = `http://localhost:${ports.api}`;
  const logs = openLogs(`${stateDir}/logs`);
  const services = supervise({
    services: [
      service('api', 'api', ports.api, {
        HOST: '127.0.0.1',
        PORT: String(ports.api),
        ADMIN_PORT: String(ports.apiAdmin),
      }),
      ...ports.workerAdmin.map((port, index) =>
        service(`worker-${index + 1}`, 'worker', port, { ADMIN_PORT: String(port), DRAIN_MS: '20000' }),
      ),
    ],
    onLine: logs.write,
    onEnd: (name, how) => logs.note(`${name} ${how}: starting it again`),
  });
  publishState({ url, environment: stack.environment, databaseUrl: stack.databaseUrl });

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    // One Ctrl-C may arrive twice, from the terminal and from npm; nothing in flight is cut for it.
    if (stopping) return;
    stopping = true;
    logs.note(`${signal}: draining`);
    await services.stop(STOP_GRACE_MS);
    await stack.close();
    releaseState();
    logs.note('stopped; state is kept in .local/');
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(signal));

  await services.ready;
  if (stopping) return;
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  console.log(`
Stowage is ready (${seconds} s).

  api         ${url}
  reference   ${url}/docs
  metrics     api http://localhost:${ports.apiAdmin}/metrics, ${ports.workerAdmin.map((port, index) => `worker-${index + 1} http://localhost:${port}/metrics`).join(', ')}
  logs        .local/logs/

Try it in another terminal:

  npm run stow -- test/fixtures/airports.csv${ports.api === 3000 ? '' : ` --url ${url}`}

Ctrl-C stops it; what you uploaded stays in .local/.
`);
});
