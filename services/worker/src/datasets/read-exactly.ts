import type { Readable } from 'node:stream';
import { release } from './release.ts';

/** @throws when the stream has not exactly as many bytes as the buffer */
export async function readExactly(stream: Readable, buffer: Buffer): Promise<void> {
  let filled = 0;
  for await (const part of stream) {
    const bytes = part as Buffer;
    if (filled + bytes.length > buffer.length) throw new Error('S3 sent more of the file than was asked for');
    filled += bytes.copy(buffer, filled);
    release(bytes);
  }
  if (filled < buffer.length) throw new Error(`S3 sent ${filled} of ${buffer.length} bytes of the file`);
}
