/**
 * The quoted name of the table that holds a dataset's rows. The id is checked, since it becomes part of SQL text.
 *
 * @throws when the id is no UUID
 */
export function rowsTable(id: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw new Error('a dataset’s id must be a UUID');
  return `dataset_rows."${id}"`;
}

/**
 * A tuple is a row group: rows with consecutive numbers, a line each, as JSON arrays of their cells. Twenty to a tuple
 * instead of one is what makes loading quick (docs/decisions/0001).
 */
export const ROWS_TABLE_COLUMNS = 'first_row bigint PRIMARY KEY, rows text NOT NULL';
