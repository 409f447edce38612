/** Codes of Node's network errors that say a peer is out of reach, just now. */
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Whether a connection failed or was lost. */
export function isNetworkError(error: unknown): boolean {
  return CODES.has(String((error as NodeJS.ErrnoException | undefined)?.code));
}
