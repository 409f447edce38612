import type { DatasetStore, FileStore, LoadStore, Message } from '@stowage/datasets';
import type { Producer } from '@stowage/queue';
import type { BufferPool } from './buffer-pool.ts';
import type { Encoder } from './encoder.ts';

/** What the handlers work with. */
export interface Dependencies {
  datasets: DatasetStore;
  files: FileStore;
  loads: LoadStore;
  producer: Producer<Message>;
  buffers: BufferPool;
  encoder: Encoder;
  chunkBytes: number;
}
