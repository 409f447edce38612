/** An object as its metadata file tells it. */
export interface StoredObject {
  key: string;
  /** The name of the file that holds its bytes. */
  content: string;
  /** In bytes. */
  size: number;
  /** With its quotes. */
  etag: string;
  /** ISO 8601. */
  lastModified: string;
  /** Response headers that it was stored with: `content-type`, `x-amz-meta-…`. */
  headers: Record<string, string>;
  /** The checksum that it was uploaded with, as a response header. */
  checksum?: { header: string; value: string };
}

export interface CorsRule {
  allowedOrigins: string[];
  allowedMethods: string[];
  allowedHeaders: string[];
  exposeHeaders: string[];
  maxAgeSeconds?: number;
}

export interface Bucket {
  name: string;
  /** ISO 8601. */
  createdAt: string;
  cors: CorsRule[];
}

/** A map that also knows the order of its keys; sorted again only after keys were added or removed. */
export class SortedMap extends Map<string, StoredObject> {
  #sorted: string[] | undefined;

  override set(key: string, value: StoredObject): this {
    if (!this.has(key)) this.#sorted = undefined;
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#sorted = undefined;
    return super.delete(key);
  }

  sortedKeys(): string[] {
    this.#sorted ??= [...this.keys()]
      .map((key) => ({ key, bytes: Buffer.from(key) }))
      .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
      .map(({ key }) => key);
    return this.#sorted;
  }
}
