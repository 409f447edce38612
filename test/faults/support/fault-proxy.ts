import { once } from 'node:events';
import { createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@stowage/local';

export type Service = 'S3' | 'SQS' | 'DYNAMODB';

/** What happens to the calls that pass. */
export interface Faults {
  /** Milliseconds by which every answer is late. */
  latencyMs: number;
  /**
   * Share of calls that fail, 0 to 1. In turn: refused with a 500 before anything was done; done, and answered with a
   * 500 all the same; done, and the connection cut in the middle of the answer.
   */
  errorRate: number;
  /** Share of calls that are refused as the service refuses them when there are too many. */
  throttleRate: number;
}

/** Stands between the application and one stand-in. */
export interface FaultProxy extends Faults {
  /** Is told the body of each call before it is passed on. */
  tap: ((body: string) => Promise<void>) | undefined;
  /** Calls that came, by how they were treated. */
  counts: Record<'passed' | 'failed' | 'throttled', number>;
  /** The service is killed: connections are reset, and new ones refused. */
  cut: () => Promise<void>;
  /** It is back, on the same port. */
  restore: () => Promise<void>;
}

export interface FaultProxies {
  of: Record<Service, FaultProxy>;
  /**
   * The environment that leads a service through the proxies. Clients upload to S3 itself: they are not under test.
   * Signatures cover the `Host` of the proxy, which is passed on as it is.
   */
  environment: (stack: Stack) => Record<string, string>;
  /** Ends every fault. */
  mend: () => Promise<void>;
  close: () => Promise<void>;
}

export async function startFaultProxies(): Promise<FaultProxies> {
  const [S3, SQS, DYNAMODB] = await Promise.all([
    startFaultProxy('S3'),
    startFaultProxy('SQS'),
    startFaultProxy('DYNAMODB'),
  ]);
  const of = { S3, SQS, DYNAMODB };
  const all = Object.values(of);
  return {
    of,
    environment({ environment, outputs }) {
      for (const [service, proxy] of Object.entries(of)) {
        proxy.target = new URL(environment[`AWS_ENDPOINT_URL_${service}`] ?? '');
      }
      const queue = new URL(outputs['QueueUrl'] ?? '');
      return {
        AWS_ENDPOINT_URL_S3: S3.url,
        AWS_ENDPOINT_URL_SQS: SQS.url,
        AWS_ENDPOINT_URL_DYNAMODB: DYNAMODB.url,
        S3_PUBLIC_ENDPOINT_URL: environment['AWS_ENDPOINT_URL_S3'] ?? '',
        QUEUE_URL: new URL(queue.pathname, SQS.url).href,
      };
    },
    async mend() {
      for (const proxy of all) {
        Object.assign(proxy, NO_FAULTS);
        await proxy.restore();
      }
    },
    close: async () => void (await Promise.all(all.map((proxy) => proxy.cut()))),
  };
}

const NO_FAULTS: Faults = { latencyMs: 0, errorRate: 0, throttleRate: 0 };

async function startFaultProxy(service: Service): Promise<FaultProxy & { url: string; target: URL }> {
  // It is the client who closes a connection that nobody uses: a call may be on its way.
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    // A client that is gone, or a server: either way there is nobody to tell.
    void treat(request, response).catch(() => response.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const throttles = createShare();
  const fails = createShare();
  let failures = 0;

  async function treat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    if (throttles(proxy.throttleRate)) {
      proxy.counts.throttled++;
      return refuse(request, response, THROTTLED[service]);
    }
    const isToFail = fails(proxy.errorRate);
    proxy.counts[isToFail ? 'failed' : 'passed']++;
    const kind = isToFail ? FAILURES[failures++ % FAILURES.length] : 'none';
    if (kind === 'refused') return refuse(request, response, BROKEN[service]);
    await proxy.tap?.(body.toString());
    const answer = await forward(proxy.target, { request, body, response });
    await sleep(proxy.latencyMs);
    if (kind === 'lost') {
      answer.resume();
      return refuse(request, response, BROKEN[service]);
    }
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    if (kind === 'cut') {
      response.flushHeaders();
      for await (const part of answer) {
        const bytes = part as Buffer;
        response.write(bytes.subarray(0, bytes.length / 2));
        break;
      }
      await sleep(10); // What was written is on its way.
      response.destroy();
      return;
    }
    answer.pipe(response);
    await once(response, 'close');
  }

  const proxy = {
    ...NO_FAULTS,
    tap: undefined as FaultProxy['tap'],
    url: `http://127.0.0.1:${port}`,
    target: new URL('http://127.0.0.1'),
    counts: { passed: 0, failed: 0, throttled: 0 },
    async cut() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    async restore() {
      if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening');
    },
  };
  return proxy;
}

/** True for exactly this share of the times that it is asked, evenly: by chance, a few calls would all go well. */
function createShare(): (share: number) => boolean {
  let due = 0;
  return (share) => {
    due += share;
    if (due < 1) return false;
    due -= 1;
    return true;
  };
}

const FAILURES = ['refused', 'lost', 'cut'] as const;

/** Passes a request on; resolves when its answer begins. A client that leaves takes the request with it. */
function forward(
  { hostname: host, port }: URL,
  { request, body, response }: { request: IncomingMessage; body: Buffer; response: ServerResponse },
): Promise<IncomingMessage> {
  const { method, url: path, rawHeaders: headers } = request;
  return new Promise((resolve, reject) => {
    const onward = send({ host, port, method, path, headers });
    response.once('close', () => onward.destroy());
    onward.once('response', resolve).once('error', reject).end(body);
  });
}

interface Refusal {
  status: number;
  code: string;
  xml?: true;
}

const BROKEN: Record<Service, Refusal> = {
  S3: { status: 500, code: 'InternalError', xml: true },
  SQS: { status: 500, code: 'InternalError' },
  DYNAMODB: { status: 500, code: 'InternalServerError' },
};

const THROTTLED: Record<Service, Refusal> = {
  S3: { status: 503, code: 'SlowDown', xml: true },
  SQS: { status: 400, code: 'RequestThrottled' },
  DYNAMODB: { status: 400, code: 'ProvisionedThroughputExceededException' },
};

/** Answers as the service words an error. */
function refuse({ method }: IncomingMessage, response: ServerResponse, { status, code, xml }: Refusal): void {
  const body = xml
    ? `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>on purpose</Message></Error>`
    : JSON.stringify({ __type: `com.amazonaws#${code}`, message: 'on purpose' });
  response.writeHead(status, {
    'content-type': xml ? 'application/xml' : 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
  });
  response.end(method === 'HEAD' ? undefined : body);
}
