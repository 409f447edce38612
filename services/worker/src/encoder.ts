import { once } from 'node:events';
import { extname } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { ChunkRange, ChunkResult, Dialect, EncodedChunk } from '@stowage/datasets';
import type { Answer, Job } from './encoder-thread.ts';

/** Encodes chunks in a thread of its own, so that this one is free to read from S3 and write to Postgres meanwhile. */
export interface Encoder {
  /**
   * A chunk on its way from its bytes into the database. Nothing is encoded before the first block is asked for, and one
   * block ahead from then on.
   *
   * @param bytes in shared memory
   */
  encode: (
    bytes: Buffer,
    range: ChunkRange,
    dialect: Pick<Dialect, 'delimiter' | 'encoding'>,
    columnCount: number,
  ) => EncodedChunk;
  close: () => Promise<unknown>;
}

/** A thread that fails ends the process, as any error that nobody expects: its messages go to another worker. */
export function startEncoder(): Encoder {
  // The thread's file lies beside this one, as source and in the image.
  const thread = new Worker(new URL(`encoder-thread${extname(import.meta.url)}`, import.meta.url));

  return {
    encode(bytes, { number, firstRow, firstLine }, dialect, columnCount) {
      let result: ChunkResult | undefined;

      async function* blocks(): AsyncGenerator<Uint8Array, void, undefined> {
        const { port1: port, port2 } = new MessageChannel();
        const job: Job = { bytes, options: { dialect, columnCount, firstRow, firstLine }, port: port2 };
        thread.postMessage(job, [port2]);
        const ask = () => {
          const answer = once(port, 'message') as Promise<[Answer]>;
          port.postMessage(null);
          return answer;
        };
        try {
          for (let next = ask(); ;) {
            const [answer] = await next;
            if ('error' in answer) throw answer.error;
            if ('result' in answer) {
              result = answer.result;
              return;
            }
            next = ask();
            yield answer.block;
          }
        } finally {
          port.close();
        }
      }

      return {
        number,
        blocks,
        result() {
          if (!result) throw new Error('asked what came of a chunk before its last block');
          return result;
        },
      };
    },
    close: () => thread.terminate(),
  };
}
