/**
 * What a worker's process is started with to keep its memory below 250 MB, however large the file; it moves many bytes
 * and makes few objects. Measured while files of 400 MB and 1 GB were loaded: without any of these 256–270 MB at most,
 * with the first 235 MB. With the rest too, and 630 MB: 156 MB for most of the time and 214 MB at most; with buffers from
 * 128 KiB on 185 and 227 MB.
 */
export const workerEnvironment = {
  /** V8's young generation, in MB for each of its halves; the default grows to 16. */
  NODE_OPTIONS: '--max-semi-space-size=1',
  /** glibc: few arenas, and buffers of 64 KiB, the size that a socket is read by, are given back as soon as they are free. */
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '65536',
};
