/**
 * Buffers that are used again and again, so that a load's memory is allocated once a slot and not once a chunk. Their
 * memory is shared, for the thread that encodes.
 */
export interface BufferPool {
  /** Lends a buffer of exactly `bytes` bytes for as long as `use` takes. What it held before is still in it. */
  lend: <T>(bytes: number, use: (buffer: Buffer) => Promise<T>) => Promise<T>;
}

/**
 * @param usualBytes size that most requests fit in; a larger one gets a buffer of its own, which is not kept
 */
export function createBufferPool(usualBytes: number): BufferPool {
  const free: Buffer[] = [];
  return {
    async lend(bytes, use) {
      if (bytes > usualBytes) return use(allocate(bytes));
      const buffer = free.pop() ?? allocate(usualBytes);
      try {
        return await use(buffer.subarray(0, bytes));
      } finally {
        free.push(buffer);
      }
    },
  };
}

function allocate(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes));
}
