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
