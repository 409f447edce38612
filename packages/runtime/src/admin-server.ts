import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { listen } from './listen.ts';

export interface AdminServer {
  port: number;
  close: () => Promise<void>;
}

/**
 * Serves `/metrics` and `/health` on a port of its own, which the load balancer never reaches.
 *
 * @param options.isLive what `/health` answers: 200 while true, else 503, on which ECS replaces the task
 * @throws when the port is taken; the message names the setting
 */
export async function startAdminServer(options: {
  host: string;
  port: number;
  registry: Registry;
  isLive?: () => boolean;
}): Promise<AdminServer> {
  const { registry, isLive = () => true } = options;
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(response.setHeader('allow', 'GET, HEAD'), 405, 'method not allowed\n');
    if (path === '/health') {
      const live = isLive();
      return answer(
        response,
        live ? 200 : 503,
        JSON.stringify({ status: live ? 'ok' : 'stuck' }),
        'application/json',
      );
    }
    if (path !== '/metrics') return answer(response, 404, 'not found: /metrics and /health are here\n');
    return void registry.metrics().then(
      (text) => answer(response, 200, text, registry.contentType),
      (error: unknown) => answer(response, 500, `${String(error)}\n`),
    );
  });
  await listen(server, { host: options.host, port: options.port, setting: 'ADMIN_PORT' });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
