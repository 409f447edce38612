import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';

export interface Request {
  method: string;
  /** What stands in the request line: path and query, as sent. */
  target: string;
  headers: Record<string, string>;
  body?: Buffer;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Of an event stream, the part up to the end of its first event. */
  body: string;
}

/** Milliseconds after which a request without an answer counts as hanging. The api itself gives up after 10,000. */
export const PATIENCE_MS = 20_000;

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/**
 * Sends a request as it is. Not by fetch, which would mend paths and refuse methods.
 *
 * @throws when no answer comes in time, or it breaks off
 */
export function exchange(url: string, { method, target, headers, body }: Request): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
    const settle = <T>(act: (value: T) => void) => {
      return (value: T): void => {
        clearTimeout(late);
        act(value);
      };
    };
    const sent = httpRequest({ agent, hostname, port, method, path: target, headers }, (response) => {
      read(response).then(settle(resolve), settle(reject));
    });
    sent.on('error', settle(reject));
    sent.end(body);
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const streams = headers['content-type']?.startsWith('text/event-stream') === true;
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    // To leave the loop closes the connection: what follows is for those who watch.
    if (streams && Buffer.concat(chunks).includes('\n\n')) break;
  }
  return { status, headers, body: Buffer.concat(chunks).toString() };
}
