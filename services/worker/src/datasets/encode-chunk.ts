import { type ChunkRange, createChunkEncoder, type Dialect, type EncodedChunk } from '@stowage/datasets';

/** A chunk on its way from its bytes into the database. Nothing is encoded before the database asks for it. */
export function encodeChunk(
  bytes: Buffer,
  { number, firstRow, firstLine }: ChunkRange,
  dialect: Pick<Dialect, 'delimiter' | 'encoding'>,
  columnCount: number,
): EncodedChunk {
  const encoder = createChunkEncoder({ dialect, columnCount, firstRow, firstLine });
  return { number, blocks: () => encoder.encode(bytes), result: () => encoder.result() };
}
