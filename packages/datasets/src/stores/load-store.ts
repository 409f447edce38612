import type { PoolClient } from 'pg';
import type { Database } from '@stowage/postgres';
import { emptyProfile, mergeProfiles, type Profile, type Reject, MAX_REJECTS } from '../csv/index.ts';
import type { DatasetRef } from '../dataset.ts';
import { copyIn } from './copy-in.ts';
import { ROWS_TABLE_COLUMNS, rowsTable } from './rows-table.ts';

/** What the ledger says of a dataset. */
export interface Ledger {
  /** null while the file is being split. */
  chunksTotal: number | null;
  chunksLoaded: number;
  rowsLoaded: number;
  rowsRejected: number;
  /** Whether `finish` has been. */
  finished: boolean;
}

/** One chunk on its way into the database. */
export interface EncodedChunk {
  number: number;
  /** Binary COPY data for `(first_row bigint, rows text)`. The next block is asked for when the one before is sent. */
  blocks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Asked for after the last block. */
  result: () => { rows: number; rejected: number; rejects: Reject[]; profile: Profile };
}

/**
 * The data plane as the worker writes it. Every method may be run again at any time, by any number of workers at
 * once, with the same end result.
 */
export interface LoadStore {
  /**
   * Makes the parent row and the table of rows, unless they are there.
   *
   * @param chunkBytes size by which the file is to be cut into chunks
   * @returns the size by which it was cut the first time: chunks that were cut by another overlap with those, and must
   *   not be loaded beside them
   */
  prepare: (ref: DatasetRef, chunkBytes: number, signal?: AbortSignal) => Promise<number>;
  /** The file is split: so many chunks it has. Before, a dataset is never complete. */
  setChunksTotal: (id: string, chunksTotal: number) => Promise<void>;
  /**
   * Loads one chunk, wholly or not at all, exactly once.
   *
   * @returns `already` when the ledger has it, `gone` when the dataset was deleted
   */
  load: (id: string, chunk: EncodedChunk, signal: AbortSignal) => Promise<'loaded' | 'already' | 'gone'>;
  /**
   * Prepares, loads and finishes a file of one chunk, or of none, in one transaction.
   *
   * @returns the size by which the file was cut the first time; if that is another, nothing was loaded
   */
  loadWhole: (
    ref: DatasetRef,
    file: { chunkBytes: number; columnCount: number; chunk: EncodedChunk | undefined },
    signal: AbortSignal,
  ) => Promise<number>;
  /** undefined when the dataset was deleted. */
  ledger: (id: string) => Promise<Ledger | undefined>;
  /** After the last chunk: merges the profile, keeps only the first rejects. */
  finish: (id: string, columnCount: number, signal?: AbortSignal) => Promise<void>;
  /** Waits for loads in flight. @returns whether there was anything to remove */
  remove: (ref: DatasetRef) => Promise<boolean>;
}

/** Chunks whose profiles are in memory at once while they are merged. */
const PROFILES_A_READ = 32;

export function createLoadStore(database: Database): LoadStore {
  return {
    prepare: (ref, chunkBytes, signal) =>
      database.transaction((client) => prepare(client, ref, chunkBytes, null), signal),

    async setChunksTotal(id, chunksTotal) {
      await database.query(`UPDATE stowage.datasets SET chunks_total = $2 WHERE id = $1`, [id, chunksTotal]);
    },

    load: (id, chunk, signal) => database.transaction((client) => load(client, id, chunk), signal),

    loadWhole: (ref, { chunkBytes, columnCount, chunk }, signal) =>
      database.transaction(async (client) => {
        const firstChunkBytes = await prepare(client, ref, chunkBytes, chunk ? 1 : 0);
        if (firstChunkBytes !== chunkBytes) return firstChunkBytes;
        if (chunk) await load(client, ref.id, chunk);
        await finish(client, ref.id, columnCount);
        return chunkBytes;
      }, signal),

    async ledger(id) {
      const [row] = await database.query<Ledger>(
        `SELECT d.chunks_total AS "chunksTotal", count(c.number)::int AS "chunksLoaded",
                coalesce(sum(c.rows), 0)::float8 AS "rowsLoaded", coalesce(sum(c.rejected), 0)::float8 AS "rowsRejected",
                d.finished_at IS NOT NULL AS finished
         FROM stowage.datasets d LEFT JOIN stowage.chunks c ON c.dataset_id = d.id
         WHERE d.id = $1 GROUP BY d.id`,
        [id],
      );
      return row;
    },

    finish: (id, columnCount, signal) =>
      database.transaction((client) => finish(client, id, columnCount), signal),

    remove: ({ tenant, id }) =>
      database.transaction(async (client) => {
        const parent = await client.query(`DELETE FROM stowage.datasets WHERE id = $1 AND tenant = $2`, [
          id,
          tenant,
        ]);
        // The table of rows is there if and only if the parent is.
        if (parent.rowCount === 0) return false;
        await client.query(`DELETE FROM stowage.rejects WHERE dataset_id = $1`, [id]);
        await client.query(`DROP TABLE IF EXISTS ${rowsTable(id)}`);
        return true;
      }),
  };
}

async function prepare(
  client: PoolClient,
  ref: DatasetRef,
  chunkBytes: number,
  chunksTotal: number | null,
): Promise<number> {
  const inserted = await client.query(
    `INSERT INTO stowage.datasets (id, tenant, chunk_bytes, chunks_total) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO NOTHING`,
    [ref.id, ref.tenant, chunkBytes, chunksTotal],
  );
  if (inserted.rowCount === 0) {
    const { rows } = await client.query<{ chunkBytes: number }>(
      `SELECT chunk_bytes AS "chunkBytes" FROM stowage.datasets WHERE id = $1`,
      [ref.id],
    );
    return rows[0]?.chunkBytes ?? chunkBytes;
  }
  await client.query(`CREATE TABLE ${rowsTable(ref.id)} (${ROWS_TABLE_COLUMNS})`);
  return chunkBytes;
}

async function load(
  client: PoolClient,
  id: string,
  chunk: EncodedChunk,
): Promise<'loaded' | 'already' | 'gone'> {
  const parent = await client.query(`SELECT FROM stowage.datasets WHERE id = $1 FOR KEY SHARE`, [id]);
  if (parent.rowCount === 0) return 'gone';
  // A second worker with the same chunk waits here until the first has committed or failed.
  const claimed = await client.query(
    `INSERT INTO stowage.chunks (dataset_id, number, rows, rejected) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING`,
    [id, chunk.number],
  );
  if (claimed.rowCount === 0) return 'already';
  await copyIn(client, `COPY ${rowsTable(id)} (first_row, rows) FROM STDIN (FORMAT binary)`, chunk.blocks());
  const { rows, rejected, rejects, profile } = chunk.result();
  await keepRejects(client, id, chunk.number, rejects);
  await client.query(
    `UPDATE stowage.chunks SET rows = $3, rejected = $4, profile = $5 WHERE dataset_id = $1 AND number = $2`,
    [id, chunk.number, rows, rejected, JSON.stringify(profile)],
  );
  return 'loaded';
}

async function finish(client: PoolClient, id: string, columnCount: number): Promise<void> {
  const { rows } = await client.query<{ rejected: number }>(
    `SELECT (SELECT coalesce(sum(rejected), 0) FROM stowage.chunks WHERE dataset_id = $1)::float8 AS rejected
     FROM stowage.datasets WHERE id = $1 AND finished_at IS NULL FOR NO KEY UPDATE`,
    [id],
  );
  const [unfinished] = rows;
  if (!unfinished) return;
  if (unfinished.rejected > MAX_REJECTS) {
    await client.query(
      `DELETE FROM stowage.rejects WHERE dataset_id = $1 AND row_no >
         (SELECT row_no FROM stowage.rejects WHERE dataset_id = $1 ORDER BY row_no OFFSET $2 LIMIT 1)`,
      [id, MAX_REJECTS - 1],
    );
  }
  const profile = await mergedProfile(client, id, columnCount);
  await client.query(`UPDATE stowage.datasets SET finished_at = now(), profile = $2 WHERE id = $1`, [
    id,
    JSON.stringify(profile),
  ]);
}

/**
 * Only the first rejects of a dataset are kept. A chunk keeps none when those before it, as far as they are loaded,
 * have filled the quota; the rest is cut when the dataset is finished.
 */
async function keepRejects(client: PoolClient, id: string, number: number, rejects: Reject[]): Promise<void> {
  if (rejects.length === 0) return;
  const column = <K extends keyof Reject>(name: K) => rejects.map((reject) => reject[name]);
  await client.query(
    `INSERT INTO stowage.rejects (dataset_id, row_no, line, reason, detail, raw)
     SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
     WHERE (SELECT coalesce(sum(rejected), 0) FROM stowage.chunks WHERE dataset_id = $1 AND number < $7) < $8`,
    [
      id,
      column('row'),
      column('line'),
      column('reason'),
      column('detail'),
      column('raw'),
      number,
      MAX_REJECTS,
    ],
  );
}

async function mergedProfile(client: PoolClient, id: string, columnCount: number): Promise<Profile> {
  let merged = emptyProfile(columnCount);
  for (let after = -1; ;) {
    const { rows } = await client.query<{ number: number; profile: Profile }>(
      `SELECT number, profile FROM stowage.chunks WHERE dataset_id = $1 AND number > $2 ORDER BY number LIMIT $3`,
      [id, after, PROFILES_A_READ],
    );
    for (const { profile } of rows) merged = mergeProfiles(merged, profile);
    const last = rows.at(-1);
    if (!last || rows.length < PROFILES_A_READ) return merged;
    after = last.number;
  }
}
