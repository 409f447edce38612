/** Turns PostgreSQL's binary COPY data for `(row_no bigint, cells text[])` back into rows; throws if it is not just that. */
export function decodeCopy(data: Buffer): [number, string[]][] {
  let at = 0;
  const take = (size: number): Buffer => {
    if (size < 0 || at + size > data.length) throw new Error(`${size} bytes at ${at} of ${data.length}`);
    at += size;
    return data.subarray(at - size, at);
  };
  const expect = (value: number | bigint, expected: number | bigint, what: string) => {
    if (value !== expected) throw new Error(`${what} is ${value}, not ${expected}, before offset ${at}`);
  };
  const signature = take(19).toString('latin1');
  if (signature !== 'PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0') throw new Error('Bad signature');
  const rows: [number, string[]][] = [];
  for (;;) {
    const fields = take(2).readInt16BE();
    if (fields === -1) break;
    expect(fields, 2, 'number of fields');
    expect(take(4).readInt32BE(), 8, 'size of row_no');
    const row = Number(take(8).readBigInt64BE());
    const size = take(4).readInt32BE();
    const arrayStart = at;
    expect(take(4).readInt32BE(), 1, 'dimensions');
    expect(take(4).readInt32BE(), 0, 'null flag');
    expect(take(4).readInt32BE(), 25, 'element type');
    const length = take(4).readInt32BE();
    expect(take(4).readInt32BE(), 1, 'lower bound');
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const cells = Array.from({ length }, () => decoder.decode(take(take(4).readInt32BE())));
    expect(at - arrayStart, size, 'size of the array');
    rows.push([row, cells]);
  }
  expect(at, data.length, 'end');
  return rows;
}
