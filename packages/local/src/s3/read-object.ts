import { closeSync, read as readCallback } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { isNotModified, listsEtag } from './conditions.ts';
import { type Context, sendEmpty } from './context.ts';
import { S3Error } from './errors.ts';
import { overridingHeaders } from './object-headers.ts';
import { type ByteRange, readRange } from './range.ts';
import type { StoredObject } from './stored.ts';

const read = promisify(readCallback);

/** Few large reads rather than many small ones. */
const READ_BUFFER_BYTES = 512 * 1024;

export async function getObject(context: Context): Promise<void> {
  const answer = prepare(context);
  if (!answer) return;
  const { object, range, status, headers } = answer;
  const { response, store } = context;
  // in the same tick as the look-up: a replacement cannot take the content away in between
  const fd = store.open(object);
  try {
    response.writeHead(status, headers);
    await sendContent(fd, range ?? { start: 0, end: object.size - 1 }, response);
    response.end();
  } finally {
    closeSync(fd);
  }
}

/**
 * Sends a part of a file. All of it goes through one buffer: a stream takes a new one for each read, and to collect
 * these was half of what an answer cost.
 */
async function sendContent(fd: number, { start, end }: ByteRange, response: ServerResponse): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BUFFER_BYTES, end - start + 1));
  for (let at = start; at <= end;) {
    const { bytesRead } = await read(fd, buffer, 0, Math.min(buffer.length, end - at + 1), at);
    if (bytesRead === 0) throw new Error('the content of an object is shorter than it was');
    await written(response, buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** Resolves when the system has taken all of it: only then may the buffer be filled anew. */
function written(response: ServerResponse, part: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = (): void => reject(new Error('the client left'));
    if (response.destroyed) return left();
    response.once('close', left);
    response.write(part, (error) => {
      response.off('close', left);
      if (error) reject(error);
      else resolve();
    });
  });
}

export function headObject(context: Context): void {
  const answer = prepare(context);
  if (answer) context.response.writeHead(answer.status, answer.headers).end();
}

interface Answer {
  object: StoredObject;
  range: ByteRange | undefined;
  status: 200 | 206;
  headers: Record<string, string | number>;
}

/** What GET and HEAD have in common; undefined when the answer is sent, since the caller's copy is still good. */
function prepare(context: Context): Answer | undefined {
  const { store, bucket, key, headers, query } = context;
  const object = store.get(bucket, key);
  if (!object) throw new S3Error('NoSuchKey', undefined, { Key: key });
  const validators = { etag: object.etag, 'last-modified': new Date(object.lastModified).toUTCString() };
  if (isNotModified(headers, object)) {
    sendEmpty(context, 304, validators);
    return undefined;
  }
  const ifRange = headers.get('if-range');
  const wantsRange = ifRange === undefined || listsEtag(ifRange, object.etag);
  const range = wantsRange ? readRange(headers.get('range'), object.size) : undefined;
  const length = range ? range.end - range.start + 1 : object.size;
  return {
    object,
    range,
    status: range ? 206 : 200,
    headers: {
      ...object.headers,
      ...overridingHeaders(query),
      ...validators,
      ...(headers.get('x-amz-checksum-mode') === 'ENABLED' && !range && checksumHeaders(object)),
      ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${object.size}` }),
      'accept-ranges': 'bytes',
      'content-length': length,
    },
  };
}

/** The SDK compares it with what it receives, so only of the object as a whole. */
function checksumHeaders({ checksum }: StoredObject): Record<string, string> {
  return checksum ? { [checksum.header]: checksum.value, 'x-amz-checksum-type': 'FULL_OBJECT' } : {};
}
