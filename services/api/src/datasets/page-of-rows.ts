import type { RowsPage } from '@stowage/datasets';

/**
 * A page of rows as JSON text. Only the names of the columns are put between cells that Postgres has written as JSON, so
 * that no cell is parsed and written again: half of the time of a page went there. It also keeps the columns in file order
 * and takes any name, `__proto__` included.
 */
export function pageOfRows(columns: string[], { rows, nextAfter }: RowsPage): string {
  const names = columns.map((name, index) => `${index === 0 ? '' : '",'}${JSON.stringify(name)}:"`);
  const items = rows.map(({ row, cells }) => {
    let values = '';
    for (const [index, cell] of textsOf(cells).entries()) values += `${names[index]}${cell}`;
    return `{"row":${row},"values":{${values}"}}`;
  });
  return `{"items":[${items.join(',')}],"nextAfter":${nextAfter}}`;
}

/** What stands between the quotes of an array of JSON strings. Where nothing is escaped, `","` is never part of one. */
function textsOf(json: string): string[] {
  if (!json.includes('\\')) return json.slice(2, -2).split('","');
  return (JSON.parse(json) as string[]).map((cell) => JSON.stringify(cell).slice(1, -1));
}
