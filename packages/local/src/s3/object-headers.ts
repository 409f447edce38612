import { S3Error } from './errors.ts';

const KEPT = ['content-type', 'cache-control', 'content-disposition', 'content-language', 'expires'];

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** The headers (or form fields) of an upload that a download answers with again. */
export function keptHeaders(given: ReadonlyMap<string, string>): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const [name, value] of given) {
    if (name.startsWith('x-amz-meta-') && !TOKEN.test(name)) {
      throw new S3Error('InvalidArgument', `'${name}' cannot be the name of a header.`);
    }
    if (KEPT.includes(name) || name.startsWith('x-amz-meta-')) kept[name] = headerSafe(value);
  }
  // aws-chunked is how the body travels, not what it is
  const encodings =
    given
      .get('content-encoding')
      ?.split(',')
      .map((name) => name.trim()) ?? [];
  const encoding = encodings.filter((name) => name !== 'aws-chunked').join(', ');
  if (encoding !== '') kept['content-encoding'] = headerSafe(encoding);
  return kept;
}

/** What a pre-signed download may ask to be answered with instead, each a query parameter `response-…`. */
export const OVERRIDES = [...KEPT, 'content-encoding'].map((name) => `response-${name}`);

export function overridingHeaders(query: URLSearchParams): Record<string, string> {
  const present = OVERRIDES.flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value === null ? [] : [[name.slice('response-'.length), headerSafe(value)]];
  });
  return Object.fromEntries(present);
}

/** A form field or query parameter may hold what a header cannot, a line break even; S3 then writes it as RFC 2047 does. */
function headerSafe(value: string): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? value
    : `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`;
}
