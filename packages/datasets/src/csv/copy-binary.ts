/**
 * PostgreSQL's binary COPY format (manual, "COPY", "Binary Format") for the table `(first_row bigint, rows text)`. A
 * tuple is: int16 2 | int32 8, int64 first_row | int32 size, text.
 */

/** Bytes of a tuple before its text. */
export const TUPLE_HEADER_BYTES = 18;

/** What the data starts with: signature, no flags, no extension. */
export const COPY_HEADER: Buffer = Buffer.from('PGCOPY\n\xff\r\n\0' + '\0'.repeat(8), 'latin1');

/** What it ends with. */
export const COPY_TRAILER: Buffer = Buffer.from([0xff, 0xff]);

/** Writes the header of the tuple whose text fills `view[text, end)`, before that text. */
export function writeTupleHeader(view: DataView, text: number, end: number, firstRow: number): void {
  const at = text - TUPLE_HEADER_BYTES;
  view.setInt16(at, 2);
  view.setInt32(at + 2, 8);
  // Rows are counted in a double; a BigInt for the halves of the int64 would be a hundred times slower.
  view.setInt32(at + 6, firstRow / 0x1_0000_0000);
  view.setInt32(at + 10, firstRow);
  view.setInt32(at + 14, end - text);
}
