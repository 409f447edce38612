/** What is kept of an answer to give it again. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a store says to a request with a key. */
export type IdempotencyState =
  /** Nobody has run it, or who did died on the way: run it, under this lease. */
  | { readonly state: 'started'; readonly lease: string }
  /** It ran: answer this. */
  | { readonly state: 'completed'; readonly response: StoredResponse }
  | { readonly state: 'in_progress' }
  /** The key came with another request before. */
  | { readonly state: 'mismatch' };

/**
 * Remembers requests by key. `begin` must be atomic: of any number of concurrent calls with one key, one gets `started`.
 */
export interface IdempotencyStore {
  /** @param now epoch milliseconds */
  begin(key: string, fingerprint: string, now: number): Promise<IdempotencyState>;
  /** Keeps the answer, if the lease is still held. An answer too large for the store is not kept. */
  complete(key: string, lease: string, response: StoredResponse): Promise<void>;
  /** Forgets the key, if the lease is still held: the next request runs. */
  abandon(key: string, lease: string): Promise<void>;
}
