import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { inLanes, share } from './budget.ts';
import { readContract } from './contract.ts';
import { type Answer, PATIENCE_MS } from './exchange.ts';
import { accept } from './judge.ts';

const url = inject('fuzzedUrl');
const contract = await readContract(url);
const port = Number(new URL(url).port);

const REQUESTS = [
  'GET /health HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /v1/datasets?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'POST /v1/datasets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"x"}',
  'POST /v1/datasets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"nam\r\n7\r\ne":"x"}\r\n0\r\n\r\n',
  'DELETE /v1/datasets/0 HTTP/1.0\r\n\r\n',
];

const PIECES = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  '\0',
  ' ',
  ':',
  '\xff',
  'HTTP/0.9',
  'HTTP/2.0',
  'GET ',
  'get ',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: h2c\r\nConnection: Upgrade\r\n',
  'X-Request-Id: \x7f\r\n',
  'ffffffffffffffff\r\n',
  `Cookie: ${'x'.repeat(20_000)}\r\n`,
  `/${'y'.repeat(20_000)}`,
];

/** A request in which something was cut out or put in, a few times. */
const damaged = fc
  .tuple(
    fc.constantFrom(...REQUESTS),
    fc.array(
      fc.record({
        at: fc.nat(200),
        cut: fc.oneof(fc.constant(0), fc.nat(20)),
        put: fc.oneof(
          fc.constant(''),
          fc.constantFrom(...PIECES),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
      }),
      { maxLength: 3 },
    ),
  )
  .map(([request, edits]) =>
    edits.reduce((text, { at, cut, put }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + put + text.slice(from + cut);
    }, request),
  )
  .map((text) => Buffer.from(text, 'latin1'));

const noise = fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes));

test('whatever bytes come, they are answered as the contract says or the connection is closed', async () => {
  const runs = share(0.25);
  const bytesOfAnyKind = fc.oneof({ weight: 9, arbitrary: damaged }, { weight: 1, arbitrary: noise });
  let answered = 0;
  await inLanes(
    runs,
    (parameters) =>
      fc.assert(
        fc.asyncProperty(bytesOfAnyKind, async (bytes) => {
          const request = { method: 'GET', target: '(raw)', headers: {}, body: bytes };
          const answers = answersIn(await sent(bytes));
          for (const answer of answers) accept({ contract, request, answer });
          if (answers.length > 0) answered++;
        }),
        parameters,
      ),
    LANES,
  );
  // Most are still requests, or enough of one to be refused.
  expect(answered).toBeGreaterThan(runs / 2);
});

test('and the api serves on', async () => {
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

/** Many at once, since most of the time goes by in waiting. */
const LANES = 24;

/** Milliseconds after which nothing more is said, to see what the api makes of half a request. */
const QUIET_MS = 100;

/** What came back until the connection was closed. Node drops an answer to who stops talking before it has begun. */
function sent(bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    let quiet: NodeJS.Timeout | undefined;
    const socket = connect({ port, host: '127.0.0.1', timeout: PATIENCE_MS }, () => {
      socket.write(bytes);
      quiet = setTimeout(() => socket.end(), QUIET_MS);
    });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      // An interim answer asks for the rest, which has been sent.
      if (!received.endsWith('100 Continue\r\n\r\n')) socket.end();
    });
    socket.on('timeout', () =>
      socket.destroy(new Error(`the connection hangs after ${JSON.stringify(received)}`)),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Closed while bytes were still on the way.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve(received);
      else reject(error);
    });
    socket.on('close', () => {
      clearTimeout(quiet);
      resolve(received);
    });
  });
}

/** The answers of a connection: several, where bytes read as several requests. */
function answersIn(received: string): Answer[] {
  const answers: Answer[] = [];
  for (let rest = received; rest !== '';) {
    const [head = '', status] = /^HTTP\/1\.1 (\d{3}) [\w ]*\r\n(?:.+\r\n)*\r\n/.exec(rest) ?? [];
    if (status === undefined) throw new Error(`no answer: ${JSON.stringify(rest)}`);
    const lines = head
      .split('\r\n')
      .slice(1, -2)
      .map((line) => line.split(/: ?(.*)/s));
    const headers = Object.fromEntries(lines.map(([name = '', text]) => [name.toLowerCase(), text]));
    const length = Number(headers['content-length'] ?? 0);
    const body = Buffer.from(rest.slice(head.length, head.length + length), 'latin1').toString();
    // 100 Continue says only that the body may come.
    if (status !== '100') answers.push({ status: Number(status), headers, body });
    rest = rest.slice(head.length + length);
  }
  return answers;
}
