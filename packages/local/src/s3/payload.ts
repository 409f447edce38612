import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { decodeAwsChunked } from './aws-chunked.ts';
import { notImplemented, S3Error } from './errors.ts';

/** What a body turned out to be. */
export interface Digests {
  /** In bytes. */
  size: number;
  /** In hex: the ETag. */
  md5: string;
  /** The one that the client gave, verified: for example `x-amz-checksum-crc32` and its base64 value. */
  checksum?: { header: string; value: string };
}

/** A body on its way in. `verify` may be called when `body` has been read to its end. */
export interface Payload {
  body: AsyncIterable<Buffer>;
  /** @throws S3Error when size, hash or checksum are not what the client said */
  verify: () => Digests;
}

type Headers = ReadonlyMap<string, string>;

/** S3's limit of an object that is sent in one piece. */
const MAX_BYTES = 5 * 1024 ** 3;
/** S3's limit of an XML body, rounded. */
const MAX_DOCUMENT_BYTES = 2 * 1024 ** 2;

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const UNSIGNED_CHUNKS = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** The body of a request whose headers are verified: without framing, and checked against what they say of it. */
export function requestPayload(headers: Headers, source: AsyncIterable<Buffer>): Payload {
  const hash = headers.get('x-amz-content-sha256') ?? UNSIGNED_PAYLOAD;
  const chunked = hash === UNSIGNED_CHUNKS;
  if (!chunked && hash !== UNSIGNED_PAYLOAD && !/^[\da-f]{64}$/.test(hash)) {
    throw notImplemented(`bodies with x-amz-content-sha256: ${hash}`);
  }
  const length = headers.get(chunked ? 'x-amz-decoded-content-length' : 'content-length');
  if (length === undefined || !/^\d+$/.test(length)) throw new S3Error('MissingContentLength');
  if (Number(length) > MAX_BYTES) throw new S3Error('EntityTooLarge');

  const trailers = new Map<string, string>();
  const plain = chunked ? decodeAwsChunked(source, trailers) : source;
  const payload = digesting(headers, plain, trailers);
  return {
    body: payload.body,
    verify: () => {
      const digests = payload.verify();
      if (digests.size !== Number(length)) throw new S3Error('IncompleteBody');
      return digests;
    },
  };
}

/** Reads a small body whole, for the operations whose body is a document. */
export async function readDocument({ body, verify }: Payload): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of limited(body, { max: MAX_DOCUMENT_BYTES })) parts.push(part);
  verify();
  return Buffer.concat(parts).toString();
}

/**
 * Stops a body as soon as it is larger than allowed, or at its end when it is too small.
 *
 * @throws S3Error EntityTooLarge or EntityTooSmall
 */
export async function* limited(
  source: AsyncIterable<Buffer>,
  { min = 0, max = MAX_BYTES }: { min?: number; max?: number },
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const part of source) {
    size += part.length;
    if (size > max) {
      throw new S3Error('EntityTooLarge', undefined, { ProposedSize: `${size}`, MaxSizeAllowed: `${max}` });
    }
    yield part;
  }
  if (size < min) {
    throw new S3Error('EntityTooSmall', undefined, { ProposedSize: `${size}`, MinSizeAllowed: `${min}` });
  }
}

/**
 * Counts and hashes a body while it passes, and checks it against `content-md5`, `x-amz-content-sha256` and
 * `x-amz-checksum-*` of the given headers (or form fields) and of the trailers.
 */
export function digesting(
  headers: Headers,
  source: AsyncIterable<Buffer>,
  trailers: Headers = new Map(),
): Payload {
  const md5 = createHash('md5');
  const signedHash = headers.get('x-amz-content-sha256') ?? '';
  const sha256 = /^[\da-f]{64}$/.test(signedHash) ? createHash('sha256') : undefined;
  const header = checksumHeader(headers);
  const checksum = header === undefined ? undefined : checksumOf(header);
  let size = 0;

  async function* pass(): AsyncGenerator<Buffer> {
    for await (const part of source) {
      size += part.length;
      md5.update(part);
      sha256?.update(part);
      checksum?.update(part);
      yield part;
    }
  }

  function verify(): Digests {
    const sum = md5.digest();
    const givenMd5 = headers.get('content-md5');
    if (givenMd5 !== undefined && givenMd5 !== sum.toString('base64')) {
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
    }
    if (sha256 && sha256.digest('hex') !== signedHash) throw new S3Error('XAmzContentSHA256Mismatch');
    const digests: Digests = { size, md5: sum.toString('hex') };
    if (header !== undefined && checksum) {
      const value = checksum.digest();
      const given = headers.get(header) ?? trailers.get(header);
      if (given !== value) {
        throw new S3Error('BadDigest', `The ${header} you specified did not match the calculated checksum.`);
      }
      digests.checksum = { header, value };
    }
    return digests;
  }

  return { body: pass(), verify };
}

interface Checksum {
  update: (part: Buffer) => void;
  digest: () => string;
}

/** The header or announced trailer with a checksum, if any. */
function checksumHeader(headers: Headers): string | undefined {
  const announced = headers.get('x-amz-trailer')?.split(',') ?? [];
  const names = [...headers.keys(), ...announced.map((name) => name.trim().toLowerCase())].filter((name) =>
    /^x-amz-checksum-(?!mode$|type$|algorithm$)/.test(name),
  );
  if (names.length > 1) throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header.');
  return names[0];
}

function checksumOf(header: string): Checksum {
  if (header === 'x-amz-checksum-crc32') return crc32Checksum();
  const algorithm = header.slice('x-amz-checksum-'.length);
  if (algorithm !== 'sha1' && algorithm !== 'sha256')
    throw notImplemented(`${header}: use crc32, sha1 or sha256`);
  const hash = createHash(algorithm);
  return { update: (part) => void hash.update(part), digest: () => hash.digest('base64') };
}

function crc32Checksum(): Checksum {
  let sum = 0;
  return {
    update: (part) => {
      sum = crc32(part, sum);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(sum);
      return bytes.toString('base64');
    },
  };
}
