import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Application, startApplication } from '../../support/application.ts';
import { COLUMNS, csvFile, RECORDS } from './file.ts';
import { type Generator, startGenerator } from './generator.ts';
import { load, metric } from './stowage.ts';

/** Something that answers both requests. */
export interface Server {
  url: string;
  /** Path of a dataset's status, and of a page of 100 of its rows after `{row}`. */
  paths: { status: string; page: string };
  /** CPU time that its process has taken, in seconds. */
  cpuSeconds: () => Promise<number>;
}

/** Stowage with a dataset, the peer beside it, and what puts load on them: each a process of its own. */
export interface Reads {
  application: Application;
  generator: Generator;
  stowage: Server;
  peer: Server;
  /** How many the dataset has. */
  records: number;
  close: () => Promise<void>;
}

/** As many as the api and the peer have to Postgres. */
export const CONNECTIONS = 10;

/** Fewer for trying out: `RECORDS=100000`. */
const records = Number(process.env['RECORDS'] ?? RECORDS);

export async function startReads(): Promise<Reads> {
  const application = await startApplication({ environment: asDeployed });
  const file = await csvFile(records);
  const { id } = await load(application, file).finally(file.remove);
  const generator = startGenerator();
  const peer = await startPeer(application, id);
  const stowage: Server = {
    url: application.url,
    paths: {
      status: `/v1/datasets/${id}`,
      page: `/v1/datasets/${id}/rows?after={row}&limit=100`,
    },
    cpuSeconds: () => metric(application, 'api', 'process_cpu_seconds_total'),
  };
  return {
    application,
    generator,
    stowage,
    peer,
    records,
    async close() {
      generator.close();
      peer.close();
      await application.close();
    },
  };
}

const asDeployed = (service: string): Record<string, string> => ({
  LOG_LEVEL: 'info',
  NODE_ENV: 'production',
  ...(service === 'api' ? { AUTH_MODE: 'none', DRAIN_DELAY_MS: '0' } : {}),
});

async function startPeer(application: Application, id: string): Promise<Server & { close: () => void }> {
  const { environment, databaseUrl } = application.stack;
  const child = fork(fileURLToPath(new URL('../peers/reads.ts', import.meta.url)), {
    env: {
      ...process.env,
      ...environment,
      NODE_ENV: 'production',
      DATABASE_URL: databaseUrl,
      DATASET_ID: id,
      COLUMNS: JSON.stringify(Object.keys(COLUMNS)),
    },
  });
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}`,
    paths: { status: '/dataset', page: '/rows?after={row}&limit=100' },
    async cpuSeconds() {
      child.send('cpu');
      const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage];
      return (user + system) / 1e6;
    },
    close: () => child.disconnect(),
  };
}
