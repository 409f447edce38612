import { expect, test } from 'vitest';
import { decodeAwsChunked } from '../../src/s3/aws-chunked.ts';

const FRAMED = '5\r\nhello\r\n7\r\n\r\nworld\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n';

async function decode(framed: string, partSize: number) {
  const trailers = new Map<string, string>();
  async function* source(): AsyncGenerator<Buffer> {
    for (let i = 0; i < framed.length; i += partSize) yield Buffer.from(framed.slice(i, i + partSize));
  }
  const parts: Buffer[] = [];
  for await (const part of decodeAwsChunked(source(), trailers)) parts.push(part);
  return { text: Buffer.concat(parts).toString(), trailers: Object.fromEntries(trailers) };
}

test.each([1, 2, 3, 7, 1000])('chunks and trailers are told apart in parts of %i bytes', async (partSize) => {
  expect(await decode(FRAMED, partSize)).toEqual({
    text: 'hello\r\nworld',
    trailers: { 'x-amz-checksum-crc32': 'AAAAAA==' },
  });
});

test.each([
  ['ends too early', FRAMED.slice(0, -2)],
  ['has no end', '5\r\nhello\r\n'],
  ['has a size that is none', 'x\r\nhello\r\n0\r\n\r\n'],
  ['has chunks longer than they say', '4\r\nhello\r\n0\r\n\r\n'],
  ['goes on after its end', `${FRAMED}5\r\nhello\r\n`],
  ['has an endless size line', '0'.repeat(20_000)],
  ['has a trailer that is none', '0\r\nnonsense\r\n\r\n'],
])('a body that %s is refused', async (_what, framed) => {
  await expect(decode(framed, 10)).rejects.toMatchObject({ code: 'IncompleteBody' });
});
