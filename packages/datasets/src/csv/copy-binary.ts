/**
 * PostgreSQL's binary COPY format (manual, "COPY", "Binary Format") for the table `(row_no bigint, cells text[])`.
 * A row is: int16 2 | int32 8, int64 row_no | int32 size, array. The array is: int32 1 dimension, int32 0 no nulls,
 * int32 oid of text, int32 number of cells, int32 1 lower bound, and each cell: int32 size, bytes.
 */
const TEXT_OID = 25;
const ROW_NUMBER_AT = 6;
const ARRAY_SIZE_AT = 14;
const ARRAY_AT = 18;

/** Bytes of a row before its first cell. */
export const ROW_HEADER_BYTES = 38;

/** What the data starts with: signature, no flags, no extension. */
export const COPY_HEADER: Buffer = Buffer.from('PGCOPY\n\xff\r\n\0' + '\0'.repeat(8), 'latin1');

/** What it ends with. */
export const COPY_TRAILER: Buffer = Buffer.from([0xff, 0xff]);

/** Writes the header of the row that fills `view[at, end)`, its cells being there already. */
export function writeRowHeader(view: DataView, at: number, end: number, row: number, cells: number): void {
  view.setInt16(at, 2);
  view.setInt32(at + 2, 8);
  // Rows are counted in a double; a BigInt for the halves of the int64 would be a hundred times slower.
  view.setInt32(at + ROW_NUMBER_AT, row / 0x1_0000_0000);
  view.setInt32(at + ROW_NUMBER_AT + 4, row);
  view.setInt32(at + ARRAY_SIZE_AT, end - at - ARRAY_AT);
  view.setInt32(at + ARRAY_AT, 1);
  view.setInt32(at + ARRAY_AT + 4, 0);
  view.setInt32(at + ARRAY_AT + 8, TEXT_OID);
  view.setInt32(at + ARRAY_AT + 12, cells);
  view.setInt32(at + ARRAY_AT + 16, 1);
}
