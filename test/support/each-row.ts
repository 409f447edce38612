/** What a `FROM` needs to see a dataset's rows one by one, as `row_no` and `cells` (JSON). */
export function eachRow(id: string): string {
  return `(SELECT first_row + n - 1 AS row_no, line::jsonb AS cells
           FROM dataset_rows."${id}", string_to_table(rows, E'\\n') WITH ORDINALITY AS each (line, n)) AS rows`;
}
