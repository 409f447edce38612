import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Application, serviceSpec, startApplication } from '../../support/application.ts';
import { eachRow } from '../../support/each-row.ts';
import { COLUMNS, csvFile, RECORDS } from './file.ts';
import { type Generator, startGenerator } from './generator.ts';
import { load } from './stowage.ts';

/** What is asked for, as tables call it. */
export const REQUESTS = {
  status: '`GET /v1/datasets/{id}`',
  page: '`GET …/rows?limit=100` at random depth',
} as const;

export type Request = keyof typeof REQUESTS;

/** Something that answers both requests. */
export interface Server {
  url: string;
  /** Path of a dataset's status, and of a page of 100 of its rows after `{row}`. */
  paths: { status: string; page: string };
  /** CPU time that its process has taken, in seconds. */
  cpuSeconds: () => Promise<number>;
}

/** What gives a server back what it takes. */
type Started = Server & { close: () => void };

/** An api, the peer beside it, and what puts load on them: each a process of its own. */
export interface Reads {
  /** What has loaded the dataset; its own api has nothing to do. */
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

const EXIT_WITH_PARENT = fileURLToPath(
  new URL('../../../packages/local/src/exit-with-parent.ts', import.meta.url),
);

/** Fewer for trying out: `RECORDS=100000`. */
const records = Number(process.env['RECORDS'] ?? RECORDS);

export async function startReads(): Promise<Reads> {
  const application = await startApplication();
  const file = await csvFile(records);
  const { id } = await load(application, file).finally(file.remove);
  await makeBareTable(application, id);
  const generator = startGenerator();
  const [stowage, peer] = await Promise.all([startApi(application, id), startPeer(application, id)]);
  return {
    application,
    generator,
    stowage,
    peer,
    records,
    async close() {
      for (const part of [generator, stowage, peer]) part.close();
      await application.close();
    },
  };
}

/** As deployed. Nobody reads its log: who did, here in the process of DynamoDB's stand-in, would take time from both. */
async function startApi({ stack }: Application, id: string): Promise<Started> {
  const { script, environment, healthUrl } = await serviceSpec(stack, 'api', {
    LOG_LEVEL: 'info',
    NODE_ENV: 'production',
    AUTH_MODE: 'none',
    DRAIN_DELAY_MS: '0',
  });
  const child = fork(script, {
    env: { ...process.env, ...environment },
    execArgv: ['--import', EXIT_WITH_PARENT],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  while (
    !(await fetch(healthUrl).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(50);
  return {
    url: new URL(healthUrl).origin,
    paths: {
      status: `/v1/datasets/${id}`,
      page: `/v1/datasets/${id}/rows?after={row}&limit=100`,
    },
    async cpuSeconds() {
      const text = await (await fetch(`http://127.0.0.1:${environment['ADMIN_PORT']}/metrics`)).text();
      return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]);
    },
    close: () => child.disconnect(),
  };
}

/** The same rows as one would keep them without Stowage. */
async function makeBareTable({ stack }: Application, id: string): Promise<void> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  await client.query(`CREATE TABLE public.bare (row_no bigint PRIMARY KEY, cells text[] NOT NULL)`);
  await client.query(
    `INSERT INTO public.bare SELECT row_no, ARRAY(SELECT jsonb_array_elements_text(cells)) FROM ${eachRow(id)}`,
  );
  await client.query('VACUUM ANALYZE public.bare');
  await client.end();
}

async function startPeer(application: Application, id: string): Promise<Started> {
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
