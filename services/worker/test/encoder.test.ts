import { afterAll, expect, test } from 'vitest';
import { type ChunkResult, createChunkEncoder, type EncodedChunk } from '@stowage/datasets';
import { startEncoder } from '../src/encoder.ts';

const encoder = startEncoder();
afterAll(encoder.close);

const CSV = Array.from(
  { length: 300_000 },
  (_, row) => `${row},"some ""text""",${row % 7 ? 'x' : 'x,y'}\n`,
).join('');
const range = { number: 7, firstRow: 3, firstLine: 4, start: 0, end: 0 };
const dialect = { delimiter: ',', encoding: 'utf-8' } as const;

function start(csv: string, columnCount = 3): EncodedChunk {
  const bytes = Buffer.from(new SharedArrayBuffer(Buffer.byteLength(csv)));
  bytes.write(csv);
  return encoder.encode(bytes, range, dialect, columnCount);
}

async function encode(chunk: EncodedChunk): Promise<{ blocks: Buffer[]; result: ChunkResult }> {
  const blocks: Buffer[] = [];
  for await (const block of chunk.blocks()) blocks.push(Buffer.from(block));
  return { blocks, result: chunk.result() };
}

function encodeHere(csv: string): { data: Buffer; result: ChunkResult } {
  const here = createChunkEncoder({ dialect, columnCount: 3, firstRow: 3, firstLine: 4 });
  const blocks: Buffer[] = [];
  for (const block of here.encode(Buffer.from(csv))) blocks.push(Buffer.from(block));
  return { data: Buffer.concat(blocks), result: here.result() };
}

test('chunks that are encoded side by side come out as they would here, block by block', async () => {
  const other = CSV.slice(0, CSV.length / 2);
  const [one, two] = await Promise.all([encode(start(CSV)), encode(start(other))]);
  expect(one.blocks.length).toBeGreaterThan(5);
  for (const [{ blocks, result }, csv] of [
    [one, CSV],
    [two, other],
  ] as const) {
    const here = encodeHere(csv);
    expect(Buffer.concat(blocks).equals(here.data)).toBe(true);
    expect(result).toEqual(here.result);
    expect(result.rejected).toBeGreaterThan(10_000);
  }
});

test('a chunk may be given up, and the next is encoded', async () => {
  for (let chunk = 0; chunk < 5; chunk++) {
    for await (const block of start(CSV).blocks()) {
      expect(block.length).toBeGreaterThan(1_000_000);
      break;
    }
  }
  const { blocks } = await encode(start(CSV));
  expect(Buffer.concat(blocks).equals(encodeHere(CSV).data)).toBe(true);
});

test('an error of the thread is thrown where the blocks are taken, and the next chunk is encoded', async () => {
  await expect(encode(start('1,2,3\n', 2 ** 33))).rejects.toThrow(RangeError);
  expect((await encode(start('1,2,3\n'))).result.rows).toBe(1);
});

test('what came of a chunk is not known before its last block', async () => {
  const chunk = start(CSV);
  for await (const block of chunk.blocks()) {
    expect(block.length).toBeGreaterThan(1_000_000);
    expect(() => chunk.result()).toThrow('before its last block');
    break;
  }
});
