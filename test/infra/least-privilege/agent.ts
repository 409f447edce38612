import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { RecordedCall } from './recorded-call.ts';

/** Stands for the ECS container agent, which protects a task by a call that it makes with the task's role. */
export interface Agent {
  /** ECS_AGENT_URI; a path after it names the caller. */
  url: string;
  calls: RecordedCall[];
  close: () => Promise<void>;
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html */
const STATE = /^\/(\w+)\/task-protection\/v1\/state$/;

export async function startAgent(): Promise<Agent> {
  const calls: RecordedCall[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = request;
    const program = STATE.exec(url)?.[1];
    const verb = { PUT: 'Update', GET: 'Get' }[method];
    if (program === undefined || verb === undefined) {
      response.writeHead(404).end();
      return;
    }
    calls.push({ program, service: 'ECS agent', operation: `${verb}TaskProtection`, names: {}, status: 200 });
    const body = (await json(request).catch(() => ({}))) as { ProtectionEnabled?: boolean };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ protection: { ...body, TaskArn: 'task' } }));
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
