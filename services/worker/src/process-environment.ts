/**
 * What a worker's process is started with to keep its memory below 250 MB, however large the file; it moves many bytes
 * and makes few objects. Measured while 1.9 GB were loaded: 215 MB for most of the time, 236 MB at most.
 */
export const workerEnvironment = {
  /**
   * V8's young generation, in MB for each of its halves; the default grows to 16 and takes some 50 MB more. What passes
   * through sockets and is not released by hand (datasets/release.ts) goes with its collections: the smaller, the sooner.
   */
  NODE_OPTIONS: '--max-semi-space-size=1',
  /**
   * glibc: few arenas, from which the buffers of 64 KiB that sockets are read by are taken, and the end of which goes back
   * to the system. A mapping for each of those buffers takes 15 MB less and a tenth more CPU time. (A threshold that is
   * set stays; by itself glibc raises both to tens of megabytes.)
   */
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '262144',
};
