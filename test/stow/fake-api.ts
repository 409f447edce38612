import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Dataset, Profile, Reject, Row } from '../../scripts/stow/contract.ts';

export const DATASET_ID = '0193a5c0-7e1f-7c4a-9a55-6a2f3f1b9d10';

const UPLOAD_FIELDS = { key: `uploads/${DATASET_ID}`, 'Content-Type': 'text/csv', policy: 'eyJhIjoxfQ==' };

/** More of an upload is not kept but only counted. */
const KEPT_BYTES = 4096;

export interface Upload {
  headers: IncomingMessage['headers'];
  bytes: number;
  /** Its first and its last 4 KiB (the same for a small one). */
  start: Buffer;
  end: Buffer;
}

/** How a fake api departs from the happy path. Each handler returns true when it has answered itself. */
export interface Behaviour {
  states?: Partial<Dataset>[];
  profile?: Profile;
  rows?: Row[];
  rejects?: Reject[];
  maxBytes?: number;
  onRequest?: (request: IncomingMessage, response: ServerResponse, seen: number) => boolean;
  onUpload?: (request: IncomingMessage, response: ServerResponse, attempt: number) => boolean;
  /** Ends the event stream after so many events, before the final state. */
  breakEventsAfter?: number;
  stateMs?: number;
}

export interface FakeApi extends AsyncDisposable {
  url: string;
  /** `METHOD /path?query` of everything but uploads, in order. */
  requests: string[];
  headers: IncomingMessage['headers'][];
  bodies: unknown[];
  uploads: Upload[];
}

const READY_PROGRESS = { chunksTotal: 2, chunksLoaded: 2, rowsLoaded: 3, rowsRejected: 1 };

export const HAPPY: Required<Pick<Behaviour, 'states' | 'profile' | 'rows' | 'rejects'>> = {
  states: [
    { status: 'queued' },
    { status: 'loading', progress: { chunksTotal: 2, chunksLoaded: 1, rowsLoaded: 2, rowsRejected: 0 } },
    { status: 'ready', progress: READY_PROGRESS, columns: ['iata', 'city', 'lat'] },
  ],
  profile: {
    columns: [
      { name: 'iata', type: 'text', empty: 0, nonEmpty: 3, min: 'HND', max: 'ZRH' },
      { name: 'city', type: 'text', empty: 1, nonEmpty: 2, min: 'New\nYork', max: '東京' },
      { name: 'lat', type: 'number', empty: 0, nonEmpty: 3, min: 35.55, max: 47.46 },
    ],
  },
  rows: [
    { row: 1, values: { iata: 'ZRH', city: '', lat: '47.46' } },
    { row: 2, values: { iata: 'HND', city: '東京', lat: '35.55' } },
    { row: 4, values: { iata: 'JFK', city: 'New\nYork', lat: '40.64' } },
  ],
  rejects: [
    {
      row: 3,
      line: 4,
      reason: 'wrong_cell_count',
      detail: '2 cells instead of 3',
      raw: 'LHR,\u001b[31mLondon',
    },
  ],
};

/** An api of the contract's shape whose one dataset goes through `states` by itself once it is complete. */
export async function startFakeApi(behaviour: Behaviour = {}): Promise<FakeApi> {
  const { states, profile, rows, rejects } = { ...HAPPY, ...behaviour };
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const bodies: unknown[] = [];
  const uploads: Upload[] = [];
  const seen = new Map<string, number>();
  let completedAt: number | undefined;
  let attempts = 0;

  function dataset(state: Partial<Dataset> = {}): Dataset {
    return {
      id: DATASET_ID,
      name: 'airports',
      status: 'awaiting_upload',
      createdAt: '2026-11-23T12:00:00.000Z',
      updatedAt: '2026-11-23T12:00:00.000Z',
      bytes: 210_365,
      dialect: { delimiter: ',', header: true, encoding: 'utf-8' },
      columns: null,
      progress: { chunksTotal: null, chunksLoaded: 0, rowsLoaded: 0, rowsRejected: 0 },
      failure: null,
      ...state,
    };
  }

  const stateMs = behaviour.stateMs ?? 20;

  function now(): number {
    if (completedAt === undefined) return -1;
    return Math.min(Math.floor((performance.now() - completedAt) / stateMs), states.length - 1);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/bucket') return await receive(request, response);
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    headers.push(request.headers);
    const times = (seen.get(line) ?? 0) + 1;
    seen.set(line, times);
    const body = await text(request);
    if (body) bodies.push(JSON.parse(body));
    if (behaviour.onRequest?.(request, response, times)) return;

    const path = request.url?.replace(/\?.*/, '') ?? '';
    const item = `/v1/datasets/${DATASET_ID}`;
    const answers: Record<string, () => void> = {
      'POST /v1/datasets': () =>
        json(response, 201, {
          dataset: dataset(),
          upload: {
            method: 'POST',
            url: `${url}/bucket`,
            fields: UPLOAD_FIELDS,
            maxBytes: behaviour.maxBytes ?? 5_368_709_120,
            expiresAt: '2026-11-23T13:00:00.000Z',
          },
        }),
      [`POST ${item}/complete`]: () => {
        completedAt = performance.now();
        json(response, 202, dataset({ status: 'queued' }));
      },
      [`GET ${item}`]: () => json(response, 200, dataset(states[now()])),
      [`GET ${item}/events`]: () => void stream(response),
      [`GET ${item}/profile`]: () => json(response, 200, profile),
      [`GET ${item}/rows`]: () => json(response, 200, { items: rows, nextAfter: null }),
      [`GET ${item}/rejects`]: () => json(response, 200, { items: rejects, nextAfter: null }),
    };
    const answer = answers[`${request.method} ${path}`];
    if (answer) answer();
    else problem(response, 404, 'not_found', `There is no ${path}.`);
  }

  async function stream(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': ping\n\n');
    for (let index = now(), events = 0; ; index += 1, events += 1) {
      if (events === behaviour.breakEventsAfter) return void response.destroy();
      response.write(`event: progress\ndata: ${JSON.stringify(dataset(states[index]))}\n\n`);
      if (index >= states.length - 1) return void response.end();
      while (now() <= index) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    attempts += 1;
    if (behaviour.onUpload?.(request, response, attempts)) return;
    const upload: Upload = {
      headers: request.headers,
      bytes: 0,
      start: Buffer.alloc(0),
      end: Buffer.alloc(0),
    };
    for await (const chunk of request as AsyncIterable<Buffer>) {
      upload.bytes += chunk.length;
      if (upload.start.length < KEPT_BYTES) {
        upload.start = Buffer.concat([upload.start, chunk]).subarray(0, KEPT_BYTES);
      }
      upload.end = Buffer.concat([upload.end, chunk.subarray(-KEPT_BYTES)]).subarray(-KEPT_BYTES);
    }
    uploads.push(upload);
    response.writeHead(204).end();
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: NodeJS.ErrnoException) => {
      // A client that goes away in the middle of an upload is part of the tests; anything else is a bug here.
      if (error.code !== 'ECONNRESET') throw error;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    headers,
    bodies,
    uploads,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function problem(
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
  more: { headers?: Record<string, string>; errors?: { pointer: string; detail: string }[] } = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...more.headers });
  const errors = more.errors && { errors: more.errors };
  response.end(
    JSON.stringify({
      type: 'about:blank',
      title: 'Refused',
      status,
      code,
      detail,
      instance: 'req-1',
      ...errors,
    }),
  );
}

/** The parts of a `multipart/form-data` body, by name, in order. */
export function parseMultipart(body: Buffer, contentType: string): [name: string, value: string][] {
  const boundary = /boundary=(.+)$/.exec(contentType)?.[1] ?? '';
  const [, ...parts] = `\r\n${body.toString('latin1')}`.split(`\r\n--${boundary}`);
  if (parts.pop() !== '--\r\n') throw new Error('the closing boundary is missing');
  return parts.map((part) => {
    const end = part.indexOf('\r\n\r\n');
    const name = /name="([^"]*)"/.exec(part.slice(0, end))?.[1] ?? '';
    return [name, Buffer.from(part.slice(end + 4), 'latin1').toString()];
  });
}
