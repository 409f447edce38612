import { writeCondition } from './conditions.ts';
import { type Context, payload, readXml, sendDocument, sendEmpty } from './context.ts';
import { S3Error, toS3Error } from './errors.ts';
import { keptHeaders } from './object-headers.ts';
import type { Description } from './object-store.ts';
import type { Digests } from './payload.ts';
import { childrenOf, textsOf, xml } from './xml.ts';

/** S3's limit of a key's length. */
const MAX_KEY_BYTES = 1024;
/** S3's limit of one DeleteObjects. */
const MAX_DELETES = 1000;

export async function putObject(context: Context): Promise<void> {
  const { store, bucket, key, headers } = context;
  checkKey(key);
  const condition = writeCondition(headers);
  const { body, verify } = payload(context);
  const object = await store.put(bucket, key, body, () => describe(verify(), headers), condition);
  const { checksum } = object;
  sendEmpty(context, 200, {
    etag: object.etag,
    ...(checksum && { [checksum.header]: checksum.value, 'x-amz-checksum-type': 'FULL_OBJECT' }),
  });
}

/** @throws S3Error KeyTooLongError */
export function checkKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size > MAX_KEY_BYTES) {
    throw new S3Error('KeyTooLongError', undefined, { Size: `${size}`, MaxSizeAllowed: `${MAX_KEY_BYTES}` });
  }
}

export function describe({ size, md5, checksum }: Digests, given: ReadonlyMap<string, string>): Description {
  return { size, etag: `"${md5}"`, headers: keptHeaders(given), ...(checksum && { checksum }) };
}

export async function deleteObject(context: Context): Promise<void> {
  await context.store.remove(context.bucket, context.key, writeCondition(context.headers));
  sendEmpty(context, 204);
}

export async function deleteObjects(context: Context): Promise<void> {
  const { store, bucket } = context;
  store.bucket(bucket);
  const document = await readXml(context);
  const quiet = textsOf(document, 'Quiet')[0] === 'true';
  const objects = childrenOf(document, 'Object');
  if (objects.length === 0 || objects.length > MAX_DELETES) throw new S3Error('MalformedXML');
  const results: string[] = [];
  for (const object of objects) {
    const [key] = textsOf(object, 'Key');
    if (!key) throw new S3Error('MalformedXML');
    const unknown = object.children.find(({ name }) => name !== 'Key');
    try {
      if (unknown)
        throw new S3Error(
          'NotImplemented',
          `This stand-in for S3 deletes by Key only, not by ${unknown.name}.`,
        );
      await store.remove(bucket, key);
      if (!quiet) results.push(xml('Deleted', [xml('Key', key)]));
    } catch (error) {
      const { code, message } = toS3Error(error);
      results.push(xml('Error', [xml('Key', key), xml('Code', code), xml('Message', message)]));
    }
  }
  sendDocument(context, 'DeleteResult', results);
}
