import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * A kept-alive HTTP connection that asks for one thing after the other. Written on the bare socket, since a generator of
 * load shares the processors with what it measures, and Node's own client takes as much of them as a small server.
 */
export interface Connection {
  /** @throws unless the answer is 200 and tells its length */
  get: (path: string) => Promise<void>;
  close: () => void;
}

export async function openConnection({ hostname, port }: URL): Promise<Connection> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return {
    get(path) {
      const answered = whole(socket);
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
      return answered;
    },
    close: () => socket.destroy(),
  };
}

/** Resolves when an answer has arrived as a whole. */
function whole(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    let left = Infinity;
    const settle = (problem?: string) => {
      socket.off('data', onData).off('close', onClose);
      if (problem === undefined) resolve();
      else reject(new Error(problem));
    };
    const onClose = () => settle('the connection was closed');
    const onData = (data: Buffer) => {
      if (left !== Infinity) left -= data.length;
      else {
        head = Buffer.concat([head, data]);
        const end = head.indexOf(HEAD_END);
        if (end < 0) return;
        const text = head.toString('latin1', 0, end);
        const length = /^content-length: (\d+)/im.exec(text)?.[1];
        if (!text.startsWith('HTTP/1.1 200 ') || length === undefined) return settle(text);
        left = Number(length) - (head.length - end - HEAD_END.length);
      }
      if (left <= 0) settle();
    };
    socket.on('data', onData).on('close', onClose);
  });
}
