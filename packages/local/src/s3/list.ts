import { uriEncodePath } from '../sigv4/canonical.ts';
import { type Context, sendDocument } from './context.ts';
import { S3Error } from './errors.ts';
import { xml } from './xml.ts';

const MAX_KEYS = 1000;

/** Where a page ended: after a key, or after all keys that begin with a common prefix. */
interface Position {
  after: string;
  isPrefix: boolean;
}

export function listObjectsV2(context: Context): void {
  const { query, store, bucket } = context;
  if (query.get('list-type') !== '2')
    throw new S3Error('InvalidArgument', 'Invalid List Type specified in Query');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token') ?? undefined;
  const startAfter = query.get('start-after') ?? undefined;
  const maxKeys = readMaxKeys(query.get('max-keys') ?? String(MAX_KEYS));
  const encoding = query.get('encoding-type') ?? undefined;
  if (encoding !== undefined && encoding !== 'url') {
    throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request');
  }
  const encode = (text: string): string => (encoding === 'url' ? uriEncodePath(text) : text);

  const start = token === undefined ? { after: startAfter ?? '', isPrefix: false } : readToken(token);
  const page = selectPage(store.sortedKeys(bucket), { prefix, delimiter, start, maxKeys });
  const contents = page.keys.flatMap((key) => store.get(bucket, key) ?? []);
  sendDocument(context, 'ListBucketResult', [
    xml('Name', bucket),
    xml('Prefix', encode(prefix)),
    xml('Delimiter', delimiter === '' ? undefined : encode(delimiter)),
    xml('MaxKeys', maxKeys),
    xml('EncodingType', encoding),
    xml('KeyCount', page.keys.length + page.prefixes.length),
    xml('IsTruncated', page.next !== undefined),
    xml('ContinuationToken', token),
    xml('NextContinuationToken', page.next === undefined ? undefined : writeToken(page.next)),
    xml('StartAfter', startAfter === undefined ? undefined : encode(startAfter)),
    ...contents.map(({ key, lastModified, etag, size }) =>
      xml('Contents', [
        xml('Key', encode(key)),
        xml('LastModified', lastModified),
        xml('ETag', etag),
        xml('Size', size),
        xml('StorageClass', 'STANDARD'),
      ]),
    ),
    ...page.prefixes.map((common) => xml('CommonPrefixes', [xml('Prefix', encode(common))])),
  ]);
}

interface Selection {
  prefix: string;
  delimiter: string;
  start: Position;
  maxKeys: number;
}

interface Page {
  keys: string[];
  prefixes: string[];
  /** Undefined on the last page. */
  next?: Position;
}

/** Keys that share what they have up to the delimiter, behind the prefix, count as one. */
function selectPage(sortedKeys: string[], { prefix, delimiter, start, maxKeys }: Selection): Page {
  const page: Page = { keys: [], prefixes: [] };
  let last = start;
  for (let i = firstFrom(sortedKeys, prefix, start.after); i < sortedKeys.length; i += 1) {
    const key = sortedKeys[i] ?? '';
    if (!key.startsWith(prefix)) break;
    if (last.isPrefix && key.startsWith(last.after)) continue;
    if (page.keys.length + page.prefixes.length === maxKeys) {
      return maxKeys === 0 ? page : { ...page, next: last };
    }
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (end === -1) {
      page.keys.push(key);
      last = { after: key, isPrefix: false };
    } else {
      const common = key.slice(0, end + delimiter.length);
      page.prefixes.push(common);
      last = { after: common, isPrefix: true };
    }
  }
  return page;
}

/** Where the keys begin that are not before `prefix` and are after `after`, by the order of their UTF-8 bytes. */
function firstFrom(sortedKeys: string[], prefix: string, after: string): number {
  const [from, behind] = [Buffer.from(prefix), Buffer.from(after)];
  let [low, high] = [0, sortedKeys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = Buffer.from(sortedKeys[middle] ?? '');
    const isBefore = Buffer.compare(key, from) < 0 || (after !== '' && Buffer.compare(key, behind) <= 0);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}

function readMaxKeys(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new S3Error('InvalidArgument', 'Provided max-keys not an integer');
  return Math.min(Number(text), MAX_KEYS);
}

function writeToken(position: Position): string {
  return Buffer.from((position.isPrefix ? 'p' : 'k') + position.after).toString('base64url');
}

function readToken(token: string): Position {
  const text = Buffer.from(token, 'base64url').toString();
  if (!/^[pk]/.test(text))
    throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect');
  return { after: text.slice(1), isPrefix: text.startsWith('p') };
}
