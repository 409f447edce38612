/**
 * What a worker's process is started with to keep its memory below 250 MB, however large the file; it moves many bytes
 * and makes few objects. Measured while 1.9 GB were loaded: 180 MB for most of the time, 209 MB at most; without any of
 * these 256–270 MB.
 */
export const workerEnvironment = {
  /**
   * V8's young generation, in MB for each of its halves; the default grows to 16. What is read from sockets goes with its
   * collections, so the smaller it is, the sooner.
   */
  NODE_OPTIONS: '--max-semi-space-size=1',
  /** glibc: few arenas, and buffers of 64 KiB, the size that a socket is read by, are given back as soon as they are free. */
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '65536',
};
