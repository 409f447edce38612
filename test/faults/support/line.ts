import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP line between the api and one thing that it depends on, which can be broken. */
export interface Line {
  readonly port: number;
  /** Where it leads, on loopback. */
  target: number;
  /** Sees all that the api sends. */
  onSent: (bytes: Buffer) => void;
  /** The other side is stopped: connections are cut, and new ones refused. */
  stop: () => Promise<void>;
  /** The other side hangs: it takes connections and all that is sent, and never answers. */
  hang: () => void;
  mend: () => Promise<void>;
}

export async function openLine(): Promise<Line> {
  const sockets = new Set<Socket>();
  let hangs = false;

  const server = createServer((near) => {
    const far = connect(line.target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (hangs) return;
        if (from === near) line.onSent(bytes);
        to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (!hangs) to.destroy();
      });
    }
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };

  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const line: Line = {
    port,
    target: 0,
    onSent: () => undefined,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
    hang() {
      hangs = true;
    },
    async mend() {
      hangs = false;
      cut();
      if (!server.listening) await once(server.listen(port, '127.0.0.1'), 'listening');
    },
  };
  return line;
}
