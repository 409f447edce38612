import { expect } from 'vitest';
import pg from 'pg';
import type { Application } from '../../support/application.ts';
import { createClient } from '../../support/client.ts';
import { eachRow } from '../../support/each-row.ts';

/** A CSV, and what its cells are. */
export interface File {
  csv: Blob;
  cells: string[][];
}

let made = 0;

/** No two records of any two files are alike; some have quotes, delimiters and line breaks in them. */
export function makeFile(records: number): File {
  const file = ++made;
  const cells = Array.from({ length: records }, (_, index) => [
    String(index + 1),
    `file ${file}, record ${index + 1}`,
    index % 7 === 0 ? `two lines\nof "${file}.${index}"` : '',
  ]);
  const lines = cells.map((record) => record.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(','));
  return { csv: new Blob([['number,text,note', ...lines].join('\n')]), cells };
}

/**
 * Waits until a dataset is ready, and compares every row in the database with the file: none may be missing, there
 * twice, or changed.
 */
export async function expectLoaded(
  { url, stack }: Pick<Application, 'url' | 'stack'>,
  loads: Iterable<[id: string, file: File]>,
  patienceMs = 60_000,
): Promise<void> {
  const client = createClient(url);
  const database = new pg.Client({ connectionString: stack.databaseUrl });
  await database.connect();
  try {
    for (const [id, { cells }] of loads) {
      const isOver = ({ status }: { status: string }) => status === 'ready' || status === 'failed';
      expect(await client.until(id, isOver, patienceMs)).toMatchObject({
        status: 'ready',
        failure: null,
        progress: { rowsLoaded: cells.length, rowsRejected: 0 },
      });
      const { rows } = await database.query<{ number: number; cells: string[] }>(
        `SELECT row_no::int AS number, cells FROM ${eachRow(id)} ORDER BY row_no`,
      );
      expect(firstDifference(rows, cells), `rows of ${id}`).toBeUndefined();
    }
  } finally {
    await database.end();
  }
}

/** Quicker than a matcher, and what it says is short. */
function firstDifference(rows: { number: number; cells: string[] }[], cells: string[][]): object | undefined {
  for (let index = 0; index < Math.max(rows.length, cells.length); index++) {
    const [row, expected] = [rows[index], cells[index]];
    const same = row?.number === index + 1 && row.cells.join('\0') === expected?.join('\0');
    if (!same) return { index, row, expected };
  }
  return undefined;
}
