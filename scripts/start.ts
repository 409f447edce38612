/*
 * `npm start`: the whole application on this machine, with nothing installed but what npm brings. Postgres and the
 * stand-ins for AWS run below this process, api and workers beside it, each a process of its own.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { migrationsDir } from '@stowage/datasets';
import { type ServiceSpec, type Stack, startStack, supervise } from '@stowage/local';
import { migrate, parseConnection } from '@stowage/postgres';
import { createLogger } from '@stowage/runtime';
import { workerEnvironment } from '../services/worker/src/process-environment.ts';
import { explained } from './start/explained.ts';
import { openLogs } from './start/logs.ts';
import { assertFree, localPorts, type LocalPorts } from './start/ports.ts';
import { claimState, publishState, releaseState, stateDir } from './start/state.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Longer than the api's and the worker's own drain below, so that nothing in flight is cut. */
const STOP_GRACE_MS = 30_000;
const logs = openLogs(`${stateDir}/logs`);

// A terminal that is closed takes the output with it; the drain goes on.
process.stdout.on('error', () => undefined);

await explained(async () => {
  const begun = performance.now();
  const ports = localPorts(process.env);
  // Stops what was started, the last first, however this function ends.
  await using parts = new AsyncDisposableStack();
  claimState();
  parts.defer(releaseState);
  await assertFree(ports);
  const asked = firstSignal();
  logs.note('starting Postgres, the stand-ins for AWS, api and worker');

  const template = readFileSync(`${root}infra/storage.yml`, 'utf8');
  const stack = parts.adopt(await startStack({ stateDir, template }), (started) => started.close());
  await migrate({
    connection: parseConnection(stack.databaseUrl, 'the local database'),
    dir: migrationsDir,
    log: createLogger({ service: 'migrate', version: 'development', level: 'warn' }),
  });

  const services = supervise({
    services: serviceSpecs(stack, ports),
    onLine: logs.write,
    onEnd: (name, how) => logs.note(`${name} ${how}: starting it again`),
  });
  parts.defer(() => services.stop(STOP_GRACE_MS));
  void keepPostgres(stack, (how) => logs.note(`postgres ${how}: starting it again`));
  const url = `http://localhost:${ports.api}`;
  publishState({ url, environment: stack.environment, databaseUrl: stack.databaseUrl });

  const early = await Promise.race([services.ready, asked]);
  if (!early) {
    console.log(greeting(url, ports, (performance.now() - begun) / 1_000));
    logs.follow();
  }
  logs.note(`${await asked}: draining`);
});
logs.note('stopped; state is kept in .local/');
process.exit();

function serviceSpecs({ environment }: Stack, ports: LocalPorts): ServiceSpec[] {
  const service = (
    name: string,
    program: string,
    port: number,
    own: Record<string, string>,
  ): ServiceSpec => ({
    name,
    script: `${root}services/${program}/src/main.ts`,
    healthUrl: `http://127.0.0.1:${port}/health`,
    environment: {
      ...environment,
      NODE_COMPILE_CACHE: `${stateDir}/cache`,
      ADMIN_HOST: '127.0.0.1',
      ...own,
    },
  });
  return [
    service('api', 'api', ports.api, {
      HOST: '127.0.0.1',
      PORT: String(ports.api),
      ADMIN_PORT: String(ports.apiAdmin),
    }),
    ...ports.workerAdmin.map((port, index) =>
      service(`worker-${index + 1}`, 'worker', port, {
        ADMIN_PORT: String(port),
        DRAIN_MS: '20000',
        // A drain waits for the poll under way: nobody at a terminal wants to wait for 20 s.
        POLL_WAIT_SECONDS: '1',
        ...workerEnvironment,
      }),
    ),
  ];
}

/** As RDS would. */
async function keepPostgres(stack: Stack, onEnd: (how: string) => void): Promise<never> {
  for (;;) {
    onEnd(await stack.postgres.died);
    await stack.startPostgresAgain();
  }
}

/** One Ctrl-C may arrive twice, from the terminal and from npm: nothing in flight is cut for the second. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve);
  });
}

function greeting(url: string, ports: LocalPorts, seconds: number): string {
  const metrics = [
    `http://localhost:${ports.apiAdmin}/metrics (api)`,
    ...ports.workerAdmin.map((port, index) => `http://localhost:${port}/metrics (worker-${index + 1})`),
  ];
  return `
${styleText(['bold', 'green'], 'Stowage is ready')} (${seconds.toFixed(1)} s).

  api         ${url}
  reference   ${url}/docs
  metrics     ${metrics.join(`\n${' '.repeat(14)}`)}
  logs        .local/logs/

Try it in another terminal:

  npm run stow -- test/fixtures/airports.csv${ports.api === 3000 ? '' : ` --url ${url}`}

Ctrl-C stops everything; what you uploaded stays in .local/.
`;
}
