export const LF = 0x0a;
export const CR = 0x0d;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

/**
 * Four bytes at a time ("SIMD within a register"): a 32-bit word, read little-endian, is tested for a byte with a
 * few integer operations, which is about twice as fast as looking at each byte by itself. A test gives the word's hits:
 * the high bit of each byte that matches. A borrow can only add false hits above (after) a true one, so the first
 * hit is always right. The formulas are those of Anderson's "Bit Twiddling Hacks" (haszero, hasless).
 */

/** The word that holds `byte` four times. */
export function repeatByte(byte: number): number {
  return Math.imul(byte, 0x01010101);
}

/** Hits of the bytes that are zero; `word ^ repeatByte(b)` makes it the test for the byte `b`. */
export function zeroBytes(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080;
}

/** Hits of the bytes below 32: LF, CR, the tab, and the other control characters. */
export function controlBytes(word: number): number {
  return (word - 0x20202020) & ~word & 0x80808080;
}

/** Position (0 to 3) of the first hit in the word; hits must not be 0. */
export function firstHit(hits: number): number {
  return (31 - Math.clz32(hits & -hits)) >>> 3;
}

/** A view of the same memory, for reads and writes of whole words. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
