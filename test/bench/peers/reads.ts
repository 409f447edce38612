/*
 * What one would write without Stowage: bare Fastify, which asks DynamoDB for a record or Postgres for a page. No log, no
 * metrics, no checks. It takes the same clients, with the same settings; the rows are in a table as one would make it, a
 * tuple a row, with a key.
 */
import type { AddressInfo } from 'node:net';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import Fastify from 'fastify';
import pg from 'pg';
import { createAwsClients } from '../../../packages/runtime/src/index.ts';

const { DATABASE_URL: connectionString, TABLE_NAME: TableName, DATASET_ID: id, COLUMNS = '[]' } = process.env;
const columns = JSON.parse(COLUMNS) as string[];
const { dynamodb } = createAwsClients();
const pool = new pg.Pool({ connectionString, max: 10 });
const app = Fastify();

app.get('/dataset', async () => {
  const Key = { pk: 'tenant#local', sk: `dataset#${id}` };
  return (await dynamodb.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
});

app.get<{ Querystring: { after: string; limit: string } }>('/rows', async ({ query }) => {
  const after = Number(query.after);
  const limit = Number(query.limit);
  const { rows } = await pool.query<{ row_no: string; cells: string[] }>(
    `SELECT row_no, cells FROM public.bare WHERE row_no > $1 AND row_no <= $2 ORDER BY row_no LIMIT $3`,
    [after, after + limit + 1, limit + 1],
  );
  const items = rows.slice(0, limit).map(({ row_no, cells }) => ({
    row: Number(row_no),
    values: Object.fromEntries(columns.map((name, index) => [name, cells[index]])),
  }));
  return { items, nextAfter: rows.length > limit ? (items.at(-1)?.row ?? null) : null };
});

process.on('disconnect', () => process.exit());
process.on('message', () => process.send?.(process.cpuUsage()));
await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.((app.server.address() as AddressInfo).port);
