import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A load balancer with one target, which a service changes when its new task is healthy. */
export interface LoadBalancer {
  /** Its DNS name: an address here, with a port. */
  name: string;
  forwardTo: (port: number | undefined) => void;
  close: () => Promise<void>;
}

export async function startLoadBalancer(): Promise<LoadBalancer> {
  let target: number | undefined;
  const server = createServer((request, response) => {
    if (target === undefined) {
      response.writeHead(503).end('no service is deployed here');
      return;
    }
    const { method, url: path, headers } = request;
    const forwarded = send({ host: '127.0.0.1', port: target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.writeHead(502).end());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    name: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    forwardTo(port) {
      target = port;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
