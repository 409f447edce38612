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

/** The whole application on an embedded stack of its own, each service a process. */
export interface Application {
  url: string;
  adminUrl: (service: string) => string;
  stack: Stack;
  services: Supervisor;
  /** What the services logged, each line parsed. */
  logs: { service: string; [member: string]: unknown }[];
  /** What was restarted, and how it had ended. */
  ends: string[];
  close: () => Promise<void>;
}

/**
 * @param options.workers how many
 * @param options.leaseSeconds visibility timeout of the queue: how soon the work of a killed worker is taken up again
 * @param options.environment added to every service's; small chunks make a small file take many messages
 */
export async function startApplication(
  options: { workers?: number; environment?: Record<string, string>; leaseSeconds?: number } = {},
): Promise<Application> {
  const { workers = 1, environment = {}, leaseSeconds = 30 } = options;
  const stateDir = mkdtempSync(join(tmpdir(), 'stowage-'));
  const template = readFileSync(`${root}infra/storage.yml`, 'utf8');
  const stack = await startStack({
    stateDir,
    template,
    parameters: { LeaseSeconds: String(leaseSeconds) },
    fsync: false,
  });
  const log = createLogger({ service: 'migrate', version: 'test', level: 'warn' });
  await migrate({ connection: parseConnection(stack.databaseUrl, 'test database'), dir: migrationsDir, log });

  const port = await freePort();
  const adminPorts = new Map<string, number>();
  const service = async (
    name: string,
    program: string,
    own: Record<string, string>,
  ): Promise<ServiceSpec> => {
    const adminPort = await freePort();
    adminPorts.set(name, adminPort);
    return {
      name,
      script: `${root}services/${program}/src/main.ts`,
      healthUrl: `http://127.0.0.1:${own['PORT'] ?? adminPort}/health`,
      environment: {
        ...stack.environment,
        NODE_ENV: 'test',
        ADMIN_HOST: '127.0.0.1',
        ADMIN_PORT: String(adminPort),
        ...own,
        ...environment,
      },
    };
  };
  const logs: Application['logs'] = [];
  const ends: string[] = [];
  const services = supervise({
    services: await Promise.all([
      service('api', 'api', { HOST: '127.0.0.1', PORT: String(port), RATE_LIMIT_MAX: '0' }),
      ...Array.from({ length: workers }, (_, index) =>
        service(`worker-${index + 1}`, 'worker', workerEnvironment),
      ),
    ]),
    onLine: (name, line) => logs.push(parsed(name, line)),
    onEnd: (name, how) => ends.push(`${name} ${how}`),
  });
  await services.ready;

  return {
    url: `http://127.0.0.1:${port}`,
    adminUrl: (name) => `http://127.0.0.1:${adminPorts.get(name)}`,
    stack,
    services,
    logs,
    ends,
    async close() {
      await services.stop(10_000);
      await stack.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

function parsed(service: string, line: string): Application['logs'][number] {
  try {
    return { ...(JSON.parse(line) as object), service };
  } catch {
    return { service, text: line };
  }
}
