import { S3Error } from './errors.ts';

const EMPTY: Buffer = Buffer.alloc(0);
/** A size line or a trailer is some ten bytes; more than this is no aws-chunked body. */
const MAX_LINE = 8 * 1024;

/**
 * Takes the framing off an `aws-chunked` body with unsigned chunks, as the SDKs send streams: chunks of
 * `hex-size CRLF data CRLF`, then `0 CRLF`, trailers such as `x-amz-checksum-crc32:…`, and an empty line.
 *
 * @param trailers receives the trailers, by lower-case name, before the sequence ends
 * @throws S3Error IncompleteBody when the framing is broken or the end is missing
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  let state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' = 'size';
  let left = 0;
  let input = EMPTY;
  for await (const part of source) {
    input = input.length === 0 ? part : Buffer.concat([input, part]);
    while (input.length > 0) {
      if (state === 'data') {
        const data = input.subarray(0, left);
        yield data;
        left -= data.length;
        input = input.subarray(data.length);
        if (left === 0) state = 'data-end';
        continue;
      }
      const end = input.indexOf('\r\n');
      if (end === -1) {
        if (input.length > MAX_LINE) throw broken();
        break;
      }
      const line = input.toString('latin1', 0, end);
      input = input.subarray(end + 2);
      if (state === 'size') {
        if (!/^[\da-f]{1,12}$/i.test(line)) throw broken();
        left = Number.parseInt(line, 16);
        state = left === 0 ? 'trailer' : 'data';
      } else if (state === 'data-end') {
        if (line !== '') throw broken();
        state = 'size';
      } else if (state === 'trailer') {
        const [, name, value] = /^([^:]+):(.*)$/.exec(line) ?? [];
        if (name !== undefined && value !== undefined) trailers.set(name.trim().toLowerCase(), value.trim());
        else if (line === '') state = 'done';
        else throw broken();
      } else throw broken();
    }
  }
  if (state !== 'done') throw broken();
}

function broken(): S3Error {
  return new S3Error('IncompleteBody', 'The aws-chunked body is malformed or ends too early.');
}
