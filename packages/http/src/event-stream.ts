import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';

/** One event of a stream. `data` is sent as JSON. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Yields events. The signal aborts when nobody listens any more: the client left, or the server closes. */
export type EventSource = (signal: AbortSignal) => AsyncIterable<ServerSentEvent>;

export interface EventStreamOptions {
  /** Milliseconds between two pings. Default 10,000: well below the 60 s after which an ALB cuts a silent connection. */
  readonly pingMs?: number;
}

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Answers with a `text/event-stream` of what `source` yields. The first event is awaited before the status is sent,
     * so a source that fails at once becomes an ordinary error answer. Ends when the source ends, the client leaves or
     * the server closes; a client that reads slowly slows the source down.
     */
    sendEvents(source: EventSource): Promise<void>;
    /** When an event stream began, by `performance.now()`; null for other answers. */
    streamStart: number | null;
  }
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // no-transform and x-accel-buffering: proxies must neither compress nor collect the events.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  // The stream has the connection to itself, and leaves none to wait for when the server closes.
  connection: 'close',
};

/** Server-sent events (WHATWG HTML, section 9.2) with heartbeat, backpressure and an end when the server closes. */
export const eventStreams = fp<EventStreamOptions>(
  (app, { pingMs = 10_000 }, done) => {
    app.decorateReply('streamStart', null);
    app.decorateReply('sendEvents', function sendEvents(source) {
      return stream(this, source, app.closing, pingMs);
    });
    done();
  },
  { name: 'event-streams', dependencies: ['drain'] },
);

async function stream(
  reply: FastifyReply,
  source: EventSource,
  closing: AbortSignal,
  pingMs: number,
): Promise<void> {
  const { raw } = reply;
  const over = new AbortController();
  const stop = (): void => over.abort();
  raw.once('close', stop);
  closing.addEventListener('abort', stop, { once: true });
  if (closing.aborted) stop();

  const events = source(over.signal)[Symbol.asyncIterator]();
  // A source may be slow to notice the signal: the stream does not wait for it.
  const stopped = once(over.signal, 'abort').then(() => ({ done: true, value: undefined }) as const);
  const next = (): Promise<IteratorResult<ServerSentEvent, unknown>> =>
    Promise.race([events.next(), stopped]);

  let ping: NodeJS.Timeout | undefined;
  try {
    let result = over.signal.aborted ? await events.next() : await next();
    // The handler's timeout answered meanwhile, or the client left.
    if (reply.sent || raw.destroyed) return;
    // Hijacked: no handler timeout, no hooks. Headers set so far by plugins go out with the stream's own.
    reply.hijack();
    reply.streamStart = performance.now();
    raw.writeHead(200, { ...reply.getHeaders(), ...HEADERS } as OutgoingHttpHeaders);
    if (reply.request.method === 'HEAD') {
      raw.end();
      return;
    }
    ping = setInterval(() => {
      if (!raw.writableNeedDrain) raw.write(': ping\n\n');
    }, pingMs);
    while (result.done !== true) {
      await write(raw, format(result.value), over.signal);
      result = await next();
    }
    raw.end();
  } catch (error) {
    if (!raw.headersSent) throw error;
    if (!over.signal.aborted) reply.log.error({ err: error }, 'event stream failed');
    // Not ended but broken off: the client sees that something is missing and connects again.
    raw.destroy();
  } finally {
    clearInterval(ping);
    closing.removeEventListener('abort', stop);
    stop();
    events
      .return?.()
      .catch((error: unknown) => reply.log.debug({ err: error }, 'event source failed to end'));
  }
}

async function write(raw: ServerResponse, chunk: string, signal: AbortSignal): Promise<void> {
  if (!raw.write(chunk)) await once(raw, 'drain', { signal });
}

/** JSON has no raw line breaks, so one data line holds it. */
function format({ event, data }: ServerSentEvent): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
