/** Bytes of text that Postgres keeps in a table's pages, four tuples a page. */
const GROUP_BYTES = 1_996;

/**
 * Turns PostgreSQL's binary COPY data for `(first_row bigint, rows text)` back into rows; throws if it is not just that, or
 * if a row is written otherwise than by `JSON.stringify`.
 */
export function decodeCopy(data: Buffer): [number, string[]][] {
  let at = 0;
  const take = (size: number): Buffer => {
    if (size < 0 || at + size > data.length) throw new Error(`${size} bytes at ${at} of ${data.length}`);
    at += size;
    return data.subarray(at - size, at);
  };
  const expect = (value: string | number, expected: string | number, what: string) => {
    if (value !== expected) throw new Error(`${what} is ${value}, not ${expected}, before offset ${at}`);
  };
  const signature = take(19).toString('latin1');
  if (signature !== 'PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0') throw new Error('Bad signature');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const rows: [number, string[]][] = [];
  for (;;) {
    const fields = take(2).readInt16BE();
    if (fields === -1) break;
    expect(fields, 2, 'number of fields');
    expect(take(4).readInt32BE(), 8, 'size of first_row');
    const firstRow = Number(take(8).readBigInt64BE());
    const size = take(4).readInt32BE();
    const lines = decoder.decode(take(size)).split('\n');
    if (lines.length > 1 && size > GROUP_BYTES)
      throw new Error(`a group of ${size} bytes, before offset ${at}`);
    for (const [index, line] of lines.entries()) {
      const cells = JSON.parse(line) as string[];
      expect(line, JSON.stringify(cells), 'a row');
      rows.push([firstRow + index, cells]);
    }
  }
  expect(at, data.length, 'end');
  return rows;
}
