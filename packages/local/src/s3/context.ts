import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpRequest } from '../sigv4/http-request.ts';
import type { ObjectStore } from './object-store.ts';
import { type Payload, readDocument, requestPayload } from './payload.ts';
import { parseXml, type XmlElement, xmlDocument } from './xml.ts';

/** One request, as the operations see it. */
export interface Context extends HttpRequest {
  /** Empty when the path names none. */
  bucket: string;
  /** Empty when the path names none. */
  key: string;
  message: IncomingMessage;
  response: ServerResponse;
  store: ObjectStore;
  region: string;
}

/** Answers one kind of request, or throws an S3Error. */
export type Operation = (context: Context) => Promise<void> | void;

/**
 * The bytes of the body. A client that waits for `100 Continue` is asked for them only now, so that one that is
 * refused before sends none; and giving up on them leaves the connection open for the answer.
 */
export function requestBody({ message, response, headers }: Context): AsyncIterable<Buffer> {
  if (headers.get('expect')?.toLowerCase() === '100-continue') response.writeContinue();
  return message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

export function payload(context: Context): Payload {
  return requestPayload(context.headers, requestBody(context));
}

export async function readXml(context: Context): Promise<XmlElement> {
  return parseXml(await readDocument(payload(context)));
}

export function sendXml(response: ServerResponse, status: number, document: string): void {
  startXml(response, status, document);
  response.end();
}

/** Sends all of an answer, but leaves it to the caller to end it. */
export function startXml(response: ServerResponse, status: number, document: string): void {
  response.writeHead(status, {
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(document),
  });
  response.write(document);
}

export function sendDocument({ response }: Context, root: string, children: string[]): void {
  sendXml(response, 200, xmlDocument(root, children));
}

export function sendEmpty(
  { response }: Context,
  status: number,
  headers: Record<string, string | number> = {},
): void {
  // 204 and 304 have no length: RFC 9110, section 8.6
  const length = status === 204 || status === 304 ? {} : { 'content-length': 0 };
  response.writeHead(status, { ...length, ...headers });
  response.end();
}
