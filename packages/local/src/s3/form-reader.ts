import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import busboy from 'busboy';
import { S3Error } from './errors.ts';

export interface UploadForm {
  /** What came before the file, by lower-case name. */
  fields: Map<string, string>;
  filename: string;
  /** The file's bytes; ends only when the form is complete. What follows the file is ignored, as S3 does. */
  file: AsyncIterable<Buffer>;
  /** Gives up on the rest of the form. */
  stop: () => void;
}

/** S3's limit of all that precedes the file. */
const MAX_FIELD_BYTES = 20 * 1024;

const MISSING_FILE =
  "POST requires exactly one file, as the form's last field, named 'file' and with a filename.";

/**
 * Reads a browser's upload form up to where its file begins.
 *
 * @throws S3Error when it is malformed, its fields are too large, or there is no file
 */
export function readUploadForm(
  headers: IncomingHttpHeaders,
  source: AsyncIterable<Buffer>,
): Promise<UploadForm> {
  const parser = openParser(headers);
  const { promise, resolve, reject } = Promise.withResolvers<UploadForm>();
  // busboy goes on with what it has of a refused form; the promise is settled, so nobody hears of it
  const refuse = (error: S3Error): void => {
    reject(error);
    parser.destroy(error);
  };

  const finished = pipeline(source, parser).catch(() => {
    throw new S3Error('MalformedPOSTRequest');
  });
  finished.then(() => reject(new S3Error('InvalidArgument', MISSING_FILE)), reject);
  // it may fail once more after the pipeline has
  parser.on('error', () => {});

  const fields = new Map<string, string>();
  let size = 0;
  parser.on('field', (givenName: string | undefined, value) => {
    // undefined when the part has none, whatever the types say
    const name = givenName?.toLowerCase() ?? '';
    size += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (size >= MAX_FIELD_BYTES) refuse(new S3Error('MaxPostPreDataLengthExceeded'));
    else if (fields.has(name)) {
      refuse(new S3Error('InvalidArgument', `The form has more than one field named '${name}'.`));
    } else fields.set(name, value);
  });
  parser.on('file', (name, stream: Readable, { filename }) => {
    // heard by who reads the file, if anybody does
    stream.on('error', () => {});
    if (name !== 'file') {
      refuse(new S3Error('InvalidArgument', MISSING_FILE));
      return;
    }
    resolve({
      fields: new Map(fields),
      filename: filename ?? '',
      file: wholeFile(stream, finished),
      stop: () => parser.destroy(),
    });
  });
  return promise;
}

async function* wholeFile(stream: Readable, finished: Promise<void>): AsyncGenerator<Buffer> {
  try {
    for await (const part of stream) yield part as Buffer;
  } catch {
    throw new S3Error('MalformedPOSTRequest');
  }
  await finished;
}

function openParser(headers: IncomingHttpHeaders): busboy.Busboy {
  try {
    return busboy({ headers, defParamCharset: 'utf8', limits: { files: 1, fieldSize: MAX_FIELD_BYTES } });
  } catch {
    throw new S3Error('MalformedPOSTRequest');
  }
}
