import type { IncomingMessage } from 'node:http';

/** An HTTP request as Signature Version 4 sees it. */
export interface HttpRequest {
  method: string;
  /** Decoded, exactly as sent otherwise: `..`, `//` and the like are not resolved, since an S3 key may hold them. */
  path: string;
  query: URLSearchParams;
  /** By lower-case name; the values of a repeated header are joined with a comma. */
  headers: Map<string, string>;
}

/**
 * Reads request line and headers. Node's own `headers` drops repetitions of some headers, which could then differ
 * from what was signed; hence the raw ones.
 *
 * @throws URIError when the path is not valid percent-encoded UTF-8
 */
export function readHttpRequest(message: IncomingMessage): HttpRequest {
  const target = message.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    const name = (message.rawHeaders[i] ?? '').toLowerCase();
    const value = message.rawHeaders[i + 1] ?? '';
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return {
    method: message.method ?? 'GET',
    path: decodeURIComponent(path),
    query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
    headers,
  };
}
