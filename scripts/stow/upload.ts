import { randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { UploadTarget } from './contract.ts';
import { describeCause, NetworkError, StowError } from './errors.ts';
import { bytes } from './format.ts';
import { backoffMs, retry, type RetryPolicy } from './retry.ts';
import type { Source } from './source.ts';
import { visible } from './text.ts';

/** The whole file is sent again: S3 keeps nothing of a POST that broke off, and a repeat replaces the object. */
const TRIES = 3;

/** S3 itself gives up on a connection that says nothing for about 20 s; this bounds a path that hangs. */
const IDLE_TIMEOUT_MS = 120_000;

export interface UploadOptions {
  /** Bytes of the file handed to the connection so far; back to 0 when the upload starts again. */
  onProgress: (sent: number) => void;
  onRetry?: RetryPolicy['onRetry'];
}

/**
 * Sends the file as a pre-signed S3 POST, in constant memory whatever its size.
 *
 * @throws NetworkError when the connection broke each time
 * @throws StowError when the store refused the file, or it is larger than it may be
 */
export async function upload(target: UploadTarget, source: Source, options: UploadOptions): Promise<void> {
  if (source.bytes > target.maxBytes) {
    throw new StowError(
      `${source.label} has ${bytes(source.bytes)}, and the api takes at most ${bytes(target.maxBytes)}.`,
    );
  }
  await retry(() => send(target, source, options.onProgress), {
    tries: TRIES,
    delayMs: (error, attempt) => (isTransient(error) ? backoffMs(attempt, 500) : undefined),
    onRetry: options.onRetry,
  });
}

async function send(target: UploadTarget, source: Source, onProgress: (sent: number) => void): Promise<void> {
  const boundary = `stow-${randomUUID()}`;
  const prefix = Buffer.from(multipartPrefix(target.fields, boundary));
  const suffix = Buffer.from(`\r\n--${boundary}--\r\n`);

  async function* body() {
    let sent = 0;
    onProgress(sent);
    yield prefix;
    for await (const chunk of source.read()) {
      yield chunk;
      sent += chunk.length;
      onProgress(sent);
    }
    yield suffix;
  }

  const answer = await post(target.url, body(), {
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': prefix.length + source.bytes + suffix.length,
  });
  if (answer.status < 200 || answer.status > 299) throw new RefusedError(answer);
}

function multipartPrefix(fields: Record<string, string>, boundary: string): string {
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"\r\n\r\n${value}\r\n`,
  );
  const file =
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file.csv"\r\n` +
    `Content-Type: text/csv\r\n\r\n`;
  return parts.join('') + file;
}

/** How a form quotes a name: WHATWG HTML, multipart/form-data encoding algorithm. */
function quote(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

interface Answer {
  status: number;
  body: string;
}

/**
 * `fetch` cannot promise a length for a stream, and S3 refuses a chunked body: hence `http.request`. Its stream
 * takes only as much as the connection does, which is what keeps memory constant.
 */
async function post(
  address: string,
  body: AsyncIterable<Uint8Array>,
  headers: http.OutgoingHttpHeaders,
): Promise<Answer> {
  const url = new URL(address);
  const request = (url.protocol === 'https:' ? https : http).request(url, { method: 'POST', headers });
  request.setTimeout(IDLE_TIMEOUT_MS, () => request.destroy(new Error('nothing moved for two minutes')));
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  // A store may refuse before it has read everything; its answer then counts, not the broken pipe that follows.
  request.on('response', resolve).on('error', reject);
  pipeline(body, request).catch((error: unknown) => reject(error));
  try {
    const response = await promise;
    return { status: response.statusCode ?? 0, body: await text(response) };
  } catch (error) {
    if (error instanceof StowError) throw error;
    throw new NetworkError(`The upload to ${url.origin} broke off: ${describeCause(error)}.`, error);
  } finally {
    request.destroy();
  }
}

/** The store answered with an error; S3 says why in XML. */
class RefusedError extends StowError {
  override name = 'RefusedError';
  readonly status: number;

  constructor({ status, body }: Answer) {
    const code = /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? 'no code';
    const message = /<Message>([^<]*)<\/Message>/.exec(body)?.[1] ?? 'no message';
    super(visible(`The store refused the upload: ${message} (${status} ${code}).`));
    this.status = status;
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof NetworkError || (error instanceof RefusedError && error.status >= 500);
}
