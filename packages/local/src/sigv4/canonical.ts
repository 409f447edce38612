import { createHash, createHmac } from 'node:crypto';
import type { HttpRequest } from './http-request.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Percent-encodes all but RFC 3986's unreserved characters, as Signature Version 4 asks for. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Percent-encodes a path and keeps its slashes. */
export function uriEncodePath(path: string): string {
  return path.split('/').map(uriEncode).join('/');
}

export function sha256Hex(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * The text whose hash is signed. The path is encoded once, as S3 does (other services encode it twice, which makes
 * no difference to `/`, the only path of the JSON protocols).
 */
export function canonicalRequest(request: HttpRequest, signedHeaders: string[], payloadHash: string): string {
  const headers = signedHeaders.map((name) => `${name}:${canonicalValue(request.headers.get(name))}\n`);
  return [
    request.method,
    uriEncodePath(request.path),
    canonicalQuery(request.query),
    headers.join(''),
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
}

/** @param scope `date/region/service/aws4_request` */
export function stringToSign(date: string, scope: string, canonical: string): string {
  return [ALGORITHM, date, scope, sha256Hex(canonical)].join('\n');
}

/** @param scope `date/region/service/aws4_request`: the signing key is derived from its parts in turn */
export function sign(secretAccessKey: string, scope: string, text: string): string {
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, text).toString('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function canonicalValue(value = ''): string {
  return value.trim().replace(/\s+/g, ' ');
}

function canonicalQuery(query: URLSearchParams): string {
  return [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]): [string, string] => [uriEncode(name), uriEncode(value)])
    .toSorted(([nameA, a], [nameB, b]) => compare(nameA, nameB) || compare(a, b))
    .map((pair) => pair.join('='))
    .join('&');
}

/** By code unit, not by locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
