import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before tasks as an Application Load Balancer does, as far as a deployment is concerned. */
export interface Balancer {
  url: string;
  /** New requests go to this task, too. */
  register: (task: string) => void;
  /** No new request goes to this task; those under way, event streams included, are not touched. */
  deregister: (task: string) => void;
  close: () => Promise<void>;
}

/**
 * Requests go round by round, on connections that are kept. One that fails is answered with 502 and not sent again: a
 * load balancer cannot know what it has done.
 */
export async function startBalancer(): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  const tasks: URL[] = [];
  let turn = 0;
  // It is the client who closes a connection that nobody uses: a request may be on its way.
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    const task = tasks[turn++ % tasks.length];
    if (task) forward(agent, task, request, response);
    else answer(response, 503, 'no task is registered');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    register: (task) => void tasks.push(new URL(task)),
    deregister(task) {
      const index = tasks.findIndex(({ origin }) => origin === new URL(task).origin);
      if (index !== -1) tasks.splice(index, 1);
    },
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function forward(agent: Agent, task: URL, request: IncomingMessage, response: ServerResponse): void {
  const { method, url: path, headers } = request;
  const onward = send({ agent, host: task.hostname, port: task.port, method, path, headers });
  response.once('close', () => onward.destroy());
  onward.once('error', (error) => answer(response, 502, error.message));
  onward.once('response', (answered) => {
    const { connection: _, 'keep-alive': __, ...own } = answered.headers;
    response.writeHead(answered.statusCode ?? 502, own);
    // A stream that breaks off breaks off here as well, and does not seem to end.
    answered.once('error', () => response.destroy()).pipe(response);
  });
  request.pipe(onward);
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status).end(text);
}
