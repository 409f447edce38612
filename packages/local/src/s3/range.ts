import { notImplemented, S3Error } from './errors.ts';

/** Both inclusive, in bytes. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Reads a Range header: `bytes=first-last`, `bytes=first-` or `bytes=-last_n`. As RFC 9110 asks, one in another unit
 * or form counts as none.
 *
 * @throws S3Error InvalidRange when no byte of it is in the object; NotImplemented for several ranges
 */
export function readRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  if (/^bytes=.*,/.test(header)) throw notImplemented('more than one range in a request');
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const range =
    first === ''
      ? { start: Math.max(0, size - Number(last)), end: size - 1 }
      : { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
  if (range.start >= size) {
    throw new S3Error('InvalidRange', undefined, { RangeRequested: header, ActualObjectSize: `${size}` });
  }
  return range;
}
