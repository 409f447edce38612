import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Client } from 'pg';
import type { Stack } from '@stowage/local';
import type { Contender } from './benchmark.ts';
import { COLUMNS, type CsvFile } from './file.ts';
import { run, seconds, version } from './programs.ts';

/** Another way to get a CSV file into a database. */
export interface Loader {
  name: string;
  /** Which it is, or undefined when it is not on this machine. */
  version: string | undefined;
  load: Contender;
}

const PEER = fileURLToPath(new URL('../peers/csv-parse-insert.ts', import.meta.url));
const TYPED = Object.entries(COLUMNS).map(([name, type]) => `${name} ${type}`);

/** Everything that users would load the file with instead, as far as it is on this machine. */
export function loaders(stack: Stack, file: CsvFile): Loader[] {
  const database = `${file.path}.db`;
  const python = (program: string) => run('python3', ['-c', program]);
  const fresh = async (load: () => Promise<unknown>): Promise<number> => {
    rmSync(database, { force: true });
    const taken = await seconds(load);
    rmSync(database, { force: true });
    return taken;
  };
  const duckdb =
    `import duckdb, time; c = duckdb.connect('${database}'); b = time.perf_counter(); ` +
    `c.execute("CREATE TABLE t AS SELECT * FROM read_csv('${file.path}')"); print(time.perf_counter() - b)`;
  return [
    {
      name: 'psql \\copy into a typed table',
      version: version('psql', ['--version']),
      load: () =>
        withTable(stack, `CREATE TABLE peer (${TYPED.join(', ')})`, () =>
          run('psql', ['-qX', stack.databaseUrl], {
            input: `\\copy peer from '${file.path}' with (format csv, header)\n`,
          }),
        ),
    },
    {
      name: 'DuckDB read_csv',
      version: version('python3', ['-c', 'import duckdb; print("DuckDB", duckdb.__version__)']),
      // The statement alone: a user has DuckDB running.
      load: async () => {
        rmSync(database, { force: true });
        const taken = Number(await python(duckdb));
        rmSync(database, { force: true });
        return taken;
      },
    },
    {
      name: 'sqlite3 .import',
      version: version('sqlite3', ['--version'])?.replace(/^(\S+).*/, 'SQLite $1'),
      load: () => fresh(() => run('sqlite3', ['-csv', database, `.import ${file.path} t`])),
    },
    {
      name: 'csv-parse and INSERT, by sqs-consumer',
      version: 'as in package.json',
      load: () => insertByCsvParse(stack, file),
    },
    {
      name: 'sqlite-utils insert',
      version: version('sqlite-utils', ['--version']),
      load: () => fresh(() => run('sqlite-utils', ['insert', database, 't', file.path, '--csv'])),
    },
  ];
}

/** Seconds that something takes with a new table, which is dropped again. */
async function withTable(stack: Stack, create: string, work: () => Promise<unknown>): Promise<number> {
  const client = new Client(stack.databaseUrl);
  await client.connect();
  try {
    await client.query(create);
    return await seconds(work);
  } finally {
    await client.query('DROP TABLE IF EXISTS peer');
    await client.end();
  }
}

/** From the message that names the file to its last row; the upload is not counted, as with Stowage. */
async function insertByCsvParse(stack: Stack, file: CsvFile): Promise<number> {
  Object.assign(process.env, stack.environment);
  const [sqs, s3] = [new SQSClient({}), new S3Client({})];
  const bucket = stack.environment['BUCKET_NAME'] ?? '';
  const key = 'peer.csv';
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: createReadStream(file.path),
      ContentLength: file.bytes,
    }),
  );
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `peer-${Date.now()}` }));
  const environment = { ...process.env, ...stack.environment, DATABASE_URL: stack.databaseUrl };
  const names = Object.keys(COLUMNS).join(',');
  const peer = spawn(process.execPath, [PEER, QueueUrl ?? '', bucket, 'peer', names], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(peer.stdout);
  const died = once(peer, 'exit').then(([status]) => {
    throw new Error(`the peer ended with ${status}`);
  });
  died.catch(() => undefined);
  try {
    await Promise.race([once(lines, 'line'), died]);
    return await withTable(stack, `CREATE TABLE peer (${TYPED.join(', ')})`, async () => {
      const loaded = once(lines, 'line');
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: key }));
      await Promise.race([loaded, died]);
    });
  } finally {
    peer.kill();
    await died.catch(() => undefined);
    s3.destroy();
    sqs.destroy();
  }
}
