import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readHttpRequest } from '../sigv4/http-request.ts';
import { type Realm, verifyHeaders, verifyQuery } from '../sigv4/verify.ts';
import { type Context, sendXml, startXml } from './context.ts';
import { preflight, setCorsHeaders } from './cors.ts';
import { S3Error, toS3Error } from './errors.ts';
import type { ObjectStore } from './object-store.ts';
import { UNSIGNED_PAYLOAD } from './payload.ts';
import { postObject } from './post-object.ts';
import { findOperation } from './routes.ts';
import { xml, xmlError } from './xml.ts';

/** For how long a client that is refused may go on sending. */
const LINGER_MS = 2000;

/** Answers one request; never rejects. */
export async function handle(
  message: IncomingMessage,
  response: ServerResponse,
  store: ObjectStore,
  realm: Realm,
): Promise<void> {
  const requestId = randomBytes(8).toString('hex').toUpperCase();
  response.setHeader('x-amz-request-id', requestId);
  try {
    await dispatch(openContext(message, response, store, realm), realm);
  } catch (error) {
    sendError(message, response, toS3Error(error), requestId);
  }
}

async function dispatch(context: Context, realm: Realm): Promise<void> {
  if (context.method === 'OPTIONS') {
    preflight(context);
    return;
  }
  setCorsHeaders(context);
  if (isUploadForm(context)) {
    await postObject(context, realm);
    return;
  }
  authenticate(context, realm);
  await findOperation(context)(context);
}

function openContext(
  message: IncomingMessage,
  response: ServerResponse,
  store: ObjectStore,
  { region }: Realm,
): Context {
  try {
    const request = readHttpRequest(message);
    const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(request.path) ?? [];
    if (!request.path.startsWith('/')) throw new S3Error('InvalidURI');
    return { ...request, bucket, key, message, response, store, region };
  } catch (error) {
    throw error instanceof URIError ? new S3Error('InvalidURI') : error;
  }
}

function isUploadForm({ method, bucket, key, headers }: Context): boolean {
  const isForm = headers.get('content-type')?.toLowerCase().startsWith('multipart/form-data') ?? false;
  return method === 'POST' && bucket !== '' && key === '' && isForm;
}

function authenticate(context: Context, realm: Realm): void {
  const { query, headers } = context;
  if (!query.has('X-Amz-Signature')) {
    const payloadHash = headers.get('x-amz-content-sha256');
    if (payloadHash === undefined && headers.has('authorization')) {
      throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
    }
    verifyHeaders(context, payloadHash ?? UNSIGNED_PAYLOAD, realm);
    return;
  }
  if (headers.has('authorization')) {
    throw new S3Error(
      'InvalidArgument',
      'Only one auth mechanism allowed: the X-Amz-Signature or the header.',
    );
  }
  const payloadHash = query.get('X-Amz-Content-Sha256') ?? headers.get('x-amz-content-sha256');
  verifyQuery(context, payloadHash ?? UNSIGNED_PAYLOAD, realm);
  // a pre-signed URL carries as parameters what otherwise are headers
  const hoisted = [...query].filter(([name]) => /^x-amz-/i.test(name));
  for (const [name, value] of hoisted) {
    headers.set(name.toLowerCase(), value);
    query.delete(name);
  }
}

function sendError(
  message: IncomingMessage,
  response: ServerResponse,
  error: S3Error,
  requestId: string,
): void {
  if (response.headersSent) {
    // too late for another answer: a cut connection tells the client that this one is not whole
    response.destroy();
    return;
  }
  const { code, status, details } = error;
  const document = xmlError([
    xml('Code', code),
    xml('Message', error.message),
    xml('Resource', (message.url ?? '').split('?')[0]),
    ...Object.entries(details).map(([name, value]) => xml(name, value)),
    xml('RequestId', requestId),
  ]);
  if (status === 416) response.setHeader('content-range', `bytes */${details['ActualObjectSize']}`);
  if (message.method === 'HEAD') response.writeHead(status).end();
  else if (message.complete) sendXml(response, status, document);
  else {
    startXml(response, status, document);
    discardRest(message, () => response.end());
  }
}

/**
 * Reads on, for a while, what a refused client is still sending. To end the answer before would close the connection
 * of some clients, who then meet a reset where the answer was.
 */
function discardRest(message: IncomingMessage, done: () => void): void {
  // not resume(), which does nothing while an iterator still waits for the body
  const drain = (): void => void message.read();
  message.on('readable', drain);
  drain();
  message.once('end', done);
  const timer = setTimeout(() => message.destroy(), LINGER_MS);
  message.once('close', () => clearTimeout(timer));
}
