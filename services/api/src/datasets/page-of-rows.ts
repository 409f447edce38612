import type { RowsPage } from '@stowage/datasets';

/**
 * A page of rows as JSON text. Written out here, since the names of the columns are the same in every row: they are
 * turned into JSON once. It also keeps the columns in file order and takes any name, `__proto__` included.
 */
export function pageOfRows(columns: string[], { rows, nextAfter }: RowsPage): string {
  const names = columns.map((name, index) => `${index === 0 ? '' : ','}${JSON.stringify(name)}:`);
  const items = rows.map(({ row, cells }) => {
    let values = '';
    for (let index = 0; index < cells.length; index++)
      values += `${names[index]}${JSON.stringify(cells[index])}`;
    return `{"row":${row},"values":{${values}}}`;
  });
  return `{"items":[${items.join(',')}],"nextAfter":${nextAfter}}`;
}
