/* What runs in the thread of `startEncoder`: encodes a block of a chunk whenever one is asked for. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { type ChunkEncoderOptions, type ChunkResult, createChunkEncoder } from '@stowage/datasets/csv';

/** A chunk to encode. Its port stands for it: each message asks for the next {@link Answer}, closing it gives the chunk up. */
export interface Job {
  /** In shared memory. */
  bytes: Uint8Array;
  options: ChunkEncoderOptions;
  port: MessagePort;
}

/** Blocks, and at last what came of them; or an error. */
export type Answer = { block: Uint8Array } | { result: ChunkResult } | { error: unknown };

parentPort?.on('message', (job: Job) => {
  const { port } = job;
  const answers = encode(job);
  port.on('message', () => port.postMessage(answers.next().value));
  port.on('close', () => answers.return());
});

function* encode({ bytes, options }: Job): Generator<Answer, void, undefined> {
  try {
    const encoder = createChunkEncoder(options);
    for (const block of encoder.encode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)))
      yield { block };
    yield { result: encoder.result() };
  } catch (error) {
    yield { error };
  }
}
