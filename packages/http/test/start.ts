import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createHttpApp } from '../src/index.ts';
import type { HttpApp, HttpAppOptions } from '../src/index.ts';

export interface Started {
  app: HttpApp;
  url: string;
  port: number;
  /** Everything logged so far, at debug and above. */
  logs: Record<string, unknown>[];
}

/** An application of this package on a real port, closed when the test ends. */
export async function start(
  configure: (app: HttpApp) => void | Promise<void>,
  options: Partial<HttpAppOptions> = {},
): Promise<Started> {
  const logs: Record<string, unknown>[] = [];
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => logs.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const app = createHttpApp({ logger, ...options });
  await configure(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}`, port, logs };
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  instance: string;
  errors?: { pointer: string; detail: string }[];
}

/** Checks what holds for every problem document and returns it. */
export async function problemOf(response: Response): Promise<ProblemBody> {
  const text = await response.text();
  if (response.headers.get('content-type') !== 'application/problem+json') {
    throw new Error(`not a problem: ${response.status} ${response.headers.get('content-type')} ${text}`);
  }
  const body = JSON.parse(text) as ProblemBody;
  if (body.status !== response.status) throw new Error(`status ${response.status} says ${body.status}`);
  if (body.instance !== response.headers.get('x-request-id'))
    throw new Error('instance is not the request id');
  if (!body.type.endsWith(`/errors#${body.code.replaceAll('_', '-')}`)) throw new Error(`type ${body.type}`);
  return body;
}
