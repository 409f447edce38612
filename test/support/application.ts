import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrationsDir } from '@stowage/datasets';
import {
  freePort,
  type ServiceSpec,
  type Stack,
  startStack,
  supervise,
  type Supervisor,
} from '@stowage/local';
import { migrate, parseConnection } from '@stowage/postgres';
import { createLogger } from '@stowage/runtime';
import { workerEnvironment } from '../../services/worker/src/process-environment.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One line of a service's log, parsed. */
export type LogLine = { service: string; [member: string]: unknown };

/** The whole application on an embedded stack of its own, each service a process. */
export interface Application {
  url: string;
  adminUrl: (service: string) => string;
  stack: Stack;
  services: Supervisor;
  /** What the services logged. */
  logs: LogLine[];
  /** What was restarted, and how it had ended. */
  ends: string[];
  close: () => Promise<void>;
}

export interface StackOptions {
  /** Visibility timeout of the queue: how soon the work of a killed worker is taken up again. Default: 30. */
  leaseSeconds?: number;
  /** Whether Postgres waits for the disk. Default: false, which tests need not. */
  fsync?: boolean;
  /** Changes the text of infra/storage.yml. */
  template?: (text: string) => string;
}

export interface ApplicationOptions extends StackOptions {
  /** How many. Default: 1. */
  workers?: number;
  /** Added to each service's environment; small chunks make a small file take many messages. */
  environment?: Record<string, string> | ((service: string, stack: Stack) => Record<string, string>);
}

export async function startApplication(options: ApplicationOptions = {}): Promise<Application> {
  const { workers = 1, environment = {} } = options;
  const stack = await startMigratedStack(options);
  const added = (name: string) =>
    typeof environment === 'function' ? environment(name, stack) : environment;
  const names = ['api', ...Array.from({ length: workers }, (_, index) => `worker-${index + 1}`)];
  const specs = await Promise.all(names.map((name) => serviceSpec(stack, name, added(name))));
  const [api] = specs;
  const logs: LogLine[] = [];
  const ends: string[] = [];
  const services = supervise({
    services: specs,
    onLine: (name, line) => logs.push(parseLine(name, line)),
    onEnd: (name, how) => ends.push(`${name} ${how}`),
  });
  await services.ready;

  return {
    url: new URL(api?.healthUrl ?? '').origin,
    adminUrl: (name) =>
      `http://127.0.0.1:${specs.find((spec) => spec.name === name)?.environment['ADMIN_PORT']}`,
    stack,
    services,
    logs,
    ends,
    async close() {
      await services.stop(10_000);
      await stack.close();
    },
  };
}

/** An embedded stack with an up-to-date database; closing it leaves nothing. */
export async function startMigratedStack(options: StackOptions = {}): Promise<Stack> {
  const { leaseSeconds = 30, template = (text) => text, fsync = false } = options;
  const stateDir = mkdtempSync(join(tmpdir(), 'stowage-'));
  const stack = await startStack({
    stateDir,
    template: template(readFileSync(`${root}infra/storage.yml`, 'utf8')),
    parameters: { LeaseSeconds: String(leaseSeconds) },
    fsync,
  });
  const { close } = stack;
  stack.close = async () => {
    await close();
    rmSync(stateDir, { recursive: true, force: true });
  };
  const log = createLogger({ service: 'migrate', version: 'test', level: 'warn' });
  await migrate({ connection: parseConnection(stack.databaseUrl, 'test database'), dir: migrationsDir, log });
  return stack;
}

/**
 * How an api or a worker is run on a stack, on free ports.
 *
 * @param name begins with `api` or `worker`
 * @param environment added to its own
 */
export async function serviceSpec(
  stack: Stack,
  name: string,
  environment: Record<string, string> = {},
): Promise<ServiceSpec> {
  const isApi = name.startsWith('api');
  const adminPort = String(await freePort());
  const port = isApi ? String(await freePort()) : adminPort;
  return {
    name,
    script: `${root}services/${isApi ? 'api' : 'worker'}/src/main.ts`,
    healthUrl: `http://127.0.0.1:${port}/health`,
    environment: {
      ...stack.environment,
      NODE_ENV: 'test',
      // As `npm start` does; one for all.
      NODE_COMPILE_CACHE: `${root}node_modules/.cache/stowage`,
      ADMIN_HOST: '127.0.0.1',
      ADMIN_PORT: adminPort,
      ...(isApi
        ? { HOST: '127.0.0.1', PORT: port, RATE_LIMIT_MAX: '0' }
        : // A drain waits for the poll under way.
          { ...workerEnvironment, POLL_WAIT_SECONDS: '1' }),
      ...environment,
    },
  };
}

export function parseLine(service: string, line: string): LogLine {
  try {
    return { ...(JSON.parse(line) as object), service };
  } catch {
    return { service, text: line };
  }
}
