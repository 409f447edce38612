import { closeSync, createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { isNotModified, listsEtag } from './conditions.ts';
import { type Context, sendEmpty } from './context.ts';
import { S3Error } from './errors.ts';
import { overridingHeaders } from './object-headers.ts';
import { type ByteRange, readRange } from './range.ts';
import type { StoredObject } from './stored.ts';

/** Few large reads rather than many small ones. */
const READ_BUFFER_BYTES = 512 * 1024;

export async function getObject(context: Context): Promise<void> {
  const answer = prepare(context);
  if (!answer) return;
  const { object, range, status, headers } = answer;
  const { response, store } = context;
  // in the same tick as the look-up: a replacement cannot take the content away in between
  const fd = store.open(object);
  response.writeHead(status, headers);
  if (object.size === 0) {
    closeSync(fd);
    response.end();
    return;
  }
  await pipeline(createReadStream('', { fd, ...range, highWaterMark: READ_BUFFER_BYTES }), response);
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
