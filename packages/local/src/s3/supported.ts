import { notImplemented } from './errors.ts';

/** What changes nothing that this stand-in does, or is checked where it matters. */
const AMZ_NAMES = new Set([
  'x-amz-algorithm',
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-expires',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
  'x-amz-trailer',
  'x-amz-user-agent',
]);

/**
 * Refuses what S3 would act on and this stand-in would not: `x-amz-acl`, `x-amz-copy-source` and so on.
 *
 * @param names of headers or form fields, lower-case
 * @throws S3Error NotImplemented
 */
export function checkAmzNames(names: Iterable<string>): void {
  for (const name of names) {
    const known = AMZ_NAMES.has(name) || /^x-amz-(meta|checksum)-/.test(name);
    if (name.startsWith('x-amz-') && !known) throw notImplemented(name);
  }
}
