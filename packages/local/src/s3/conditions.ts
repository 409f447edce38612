import { notImplemented, S3Error } from './errors.ts';
import type { Condition } from './object-store.ts';
import type { StoredObject } from './stored.ts';

type Headers = ReadonlyMap<string, string>;

/**
 * Evaluates a read's preconditions in the order of RFC 9110, section 13.2.2.
 *
 * @returns whether the caller's copy is still good (304)
 * @throws S3Error PreconditionFailed
 */
export function isNotModified(headers: Headers, object: StoredObject): boolean {
  const modified = Math.floor(Date.parse(object.lastModified) / 1000) * 1000;
  const ifMatch = headers.get('if-match');
  const ifUnmodifiedSince = Date.parse(headers.get('if-unmodified-since') ?? '');
  if (ifMatch !== undefined) requireMatch(ifMatch, object);
  else if (modified > ifUnmodifiedSince) throw preconditionFailed('If-Unmodified-Since');

  const ifNoneMatch = headers.get('if-none-match');
  const ifModifiedSince = Date.parse(headers.get('if-modified-since') ?? '');
  return ifNoneMatch === undefined ? modified <= ifModifiedSince : listsEtag(ifNoneMatch, object.etag);
}

/**
 * A write's preconditions: `If-None-Match: *` (there is no such object yet) and `If-Match` (it is still this one).
 */
export function writeCondition(headers: Headers): Condition {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw notImplemented('If-None-Match of a write with anything but *');
  }
  return (existing) => {
    if (ifNoneMatch !== undefined && existing) throw preconditionFailed('If-None-Match');
    if (ifMatch === undefined) return;
    if (!existing) throw new S3Error('NoSuchKey');
    requireMatch(ifMatch, existing);
  };
}

/** Whether a list such as `"a", "b"` or `*` has the ETag; S3 takes ETags without quotes too. */
export function listsEtag(list: string, etag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, '').replaceAll('"', '');
  return list.split(',').some((entry) => bare(entry) === '*' || bare(entry) === bare(etag));
}

function requireMatch(ifMatch: string, object: StoredObject): void {
  if (!listsEtag(ifMatch, object.etag)) throw preconditionFailed('If-Match');
}

function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', undefined, { Condition: condition });
}
