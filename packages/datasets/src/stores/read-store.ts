import type { Database } from '@stowage/postgres';
import { MAX_GROUP_ROWS, type Profile, type Reject } from '../csv/index.ts';
import { rowsTable } from './rows-table.ts';

export interface StoredRow {
  row: number;
  /** A JSON array of strings, as `JSON.stringify` writes it. */
  cells: string;
}

/** A cell must equal a text; `column` counts from 0. */
export interface Filter {
  column: number;
  equals: string;
}

export interface RowsPage {
  rows: StoredRow[];
  /** Row number to go on after; null when nothing can follow. */
  nextAfter: number | null;
}

/** The data plane as the api reads it. Every query is bounded by a range of row numbers, never by a dataset's size. */
export interface ReadStore {
  /**
   * A page of rows in file order; undefined when the dataset was deleted.
   *
   * @param options.lastRow number of records in the file: no row lies beyond
   * @param options.scan with filters, how many row numbers one call looks at
   */
  rows: (
    id: string,
    options: { after: number; limit: number; lastRow: number; filters: Filter[]; scan: number },
  ) => Promise<RowsPage | undefined>;
  rejects: (
    id: string,
    options: { after: number; limit: number },
  ) => Promise<{ items: Reject[]; nextAfter: number | null }>;
  profile: (id: string) => Promise<Profile | undefined>;
  ping: () => Promise<void>;
}

/** SQLSTATE undefined_table (PostgreSQL manual, appendix A). */
const UNDEFINED_TABLE = '42P01';

export function createReadStore(database: Database): ReadStore {
  /** The first rows after a row. */
  async function range(id: string, after: number, upTo: number, limit: number): Promise<StoredRow[]> {
    const table = rowsTable(id);
    const groups = await database.query<{ first_row: string; rows: string }>(
      `SELECT first_row, rows FROM ${table}
       WHERE first_row >= coalesce((SELECT max(first_row) FROM ${table} WHERE first_row <= $1::bigint + 1), 0) AND first_row <= $2
       ORDER BY first_row LIMIT $3`,
      // The first of them may end with the row before.
      [after, upTo, limit + 1],
    );
    const rows = groups.flatMap((group) =>
      group.rows.split('\n').map((cells, index) => ({ row: Number(group.first_row) + index, cells })),
    );
    return rows.filter(({ row }) => row > after && row <= upTo).slice(0, limit);
  }

  /** The first rows after a row of which all filters hold. */
  async function matches(
    id: string,
    after: number,
    upTo: number,
    limit: number,
    filters: Filter[],
  ): Promise<StoredRow[]> {
    // The cell itself is compared last: its text as JSON is not in most row groups, and not in most rows of the others.
    const conditions = filters.map((_, index) => {
      const [column, text, json] = [4, 5, 6].map((first) => `$${first + 3 * index}`);
      return ` AND strpos(rows, ${json}) > 0 AND strpos(line, ${json}) > 0 AND line::json->>${column}::int = ${text}`;
    });
    const rows = await database.query<{ row_no: string; cells: string }>(
      `SELECT first_row + n - 1 AS row_no, line AS cells
       FROM ${rowsTable(id)}, string_to_table(rows, E'\\n') WITH ORDINALITY AS each (line, n)
       WHERE first_row > $1::bigint - ${MAX_GROUP_ROWS} AND first_row <= $2
         AND first_row + n - 1 > $1 AND first_row + n - 1 <= $2${conditions.join('')}
       ORDER BY first_row, n LIMIT $3`,
      [
        after,
        upTo,
        limit,
        ...filters.flatMap(({ column, equals }) => [column, equals, JSON.stringify(equals)]),
      ],
    );
    return rows.map(({ row_no, cells }) => ({ row: Number(row_no), cells }));
  }

  /**
   * Without filters a page is full or the last. Rejected records leave gaps in the row numbers, so the range grows
   * until it holds enough rows.
   */
  async function page(
    id: string,
    after: number,
    limit: number,
    lastRow: number,
    scan: number,
  ): Promise<RowsPage> {
    const rows: StoredRow[] = [];
    const wanted = limit + 1;
    let from = after;
    for (let size = wanted; rows.length < wanted && from < lastRow; size = Math.min(size * 10, scan)) {
      const upTo = Math.min(from + size, lastRow);
      rows.push(...(await range(id, from, upTo, wanted - rows.length)));
      from = upTo;
    }
    const more = rows.length > limit;
    const shown = rows.slice(0, limit);
    return { rows: shown, nextAfter: more ? (shown.at(-1)?.row ?? null) : null };
  }

  async function filteredPage(
    id: string,
    options: { after: number; limit: number; lastRow: number; filters: Filter[]; scan: number },
  ): Promise<RowsPage> {
    const { after, limit, lastRow, filters, scan } = options;
    // No cell holds a NUL, and Postgres takes none in a text.
    if (filters.some(({ equals }) => equals.includes('\0'))) return { rows: [], nextAfter: null };
    const upTo = Math.min(after + scan, lastRow);
    const rows = after < lastRow ? await matches(id, after, upTo, limit + 1, filters) : [];
    const shown = rows.slice(0, limit);
    if (rows.length > limit) return { rows: shown, nextAfter: shown.at(-1)?.row ?? null };
    return { rows: shown, nextAfter: upTo < lastRow ? upTo : null };
  }

  return {
    async rows(id, options) {
      try {
        return await (options.filters.length > 0
          ? filteredPage(id, options)
          : page(id, options.after, options.limit, options.lastRow, options.scan));
      } catch (error) {
        if ((error as { code?: string }).code === UNDEFINED_TABLE) return undefined;
        throw error;
      }
    },

    async rejects(id, { after, limit }) {
      // Row and line numbers as float8, which arrives as a number and is exact up to 2^53; a bigint arrives as text.
      const rows = await database.query<Reject>(
        `SELECT row_no::float8 AS row, line::float8 AS line, reason, detail, raw FROM stowage.rejects
         WHERE dataset_id = $1 AND row_no > $2 ORDER BY row_no LIMIT $3`,
        [id, after, limit + 1],
      );
      const items = rows.slice(0, limit);
      return { items, nextAfter: rows.length > limit ? (items.at(-1)?.row ?? null) : null };
    },

    async profile(id) {
      const [row] = await database.query<{ profile: Profile | null }>(
        `SELECT profile FROM stowage.datasets WHERE id = $1`,
        [id],
      );
      return row?.profile ?? undefined;
    },

    async ping() {
      await database.query('SELECT 1');
    },
  };
}
