import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { S3Error } from './errors.ts';
import { type LoadedBucket, loadBuckets, removeLeftovers, writeJson } from './store-files.ts';
import { type Bucket, type CorsRule, SortedMap, type StoredObject } from './stored.ts';

/** Throws when an object must not be replaced, read or removed as it now is; undefined: there is none. */
export type Condition = (existing: StoredObject | undefined) => void;

/** What is known of an object once its bytes are all there. */
export type Description = Omit<StoredObject, 'key' | 'content' | 'lastModified'>;

export type ObjectStore = ReturnType<typeof openObjectStore>;

/** Few large writes rather than many small ones. */
const WRITE_BUFFER_BYTES = 1024 ** 2;

/**
 * Buckets and objects in a directory:
 *
 *     content/<random id>                     the bytes of an object; written once, never changed
 *     buckets/<bucket>/bucket.json            creation date and CORS rules
 *     buckets/<bucket>/objects/<hash>.json    key, metadata and the id of the content; <hash> is the key's SHA-256
 *
 * An object is replaced by renaming its metadata file into place, so after a `kill -9` it is wholly the old or wholly
 * the new one, and content that no metadata names is removed at the next start. All metadata is also in memory. What
 * changes or looks up metadata is synchronous: nothing comes between a condition and the change that depends on it,
 * nor between a look-up and opening the content, which a reader then keeps even when the object is replaced.
 * Only one process may have the directory open.
 */
export function openObjectStore(dataDir: string) {
  const contentDir = join(dataDir, 'content');
  const bucketsDir = join(dataDir, 'buckets');
  mkdirSync(contentDir, { recursive: true });
  mkdirSync(bucketsDir, { recursive: true });
  const buckets = loadBuckets(bucketsDir);
  removeLeftovers(contentDir, buckets);

  const contentPath = (content: string): string => join(contentDir, content);
  const bucketDir = (bucket: string): string => join(bucketsDir, bucket);
  const bucketPath = (bucket: string): string => join(bucketDir(bucket), 'bucket.json');
  const objectPath = (bucket: string, key: string): string => {
    const name = createHash('sha256').update(key).digest('hex');
    return join(bucketDir(bucket), 'objects', `${name}.json`);
  };

  function find(name: string): LoadedBucket {
    const found = buckets.get(name);
    if (!found) throw new S3Error('NoSuchBucket', undefined, { BucketName: name });
    return found;
  }

  function commit(bucket: string, object: StoredObject, condition: Condition): StoredObject | undefined {
    const { objects } = find(bucket);
    const replaced = objects.get(object.key);
    condition(replaced);
    writeJson(objectPath(bucket, object.key), object);
    objects.set(object.key, object);
    return replaced;
  }

  return {
    buckets: (): Bucket[] => [...buckets.values()].map(({ bucket }) => bucket),

    bucket: (name: string): Bucket => find(name).bucket,

    createBucket(name: string): void {
      const bucket: Bucket = { name, createdAt: new Date().toISOString(), cors: [] };
      mkdirSync(join(bucketDir(name), 'objects'), { recursive: true });
      writeJson(bucketPath(name), bucket);
      buckets.set(name, { bucket, objects: new SortedMap() });
    },

    setCors(name: string, cors: CorsRule[]): void {
      const loaded = find(name);
      const bucket = { ...loaded.bucket, cors };
      writeJson(bucketPath(name), bucket);
      loaded.bucket = bucket;
    },

    /** @throws S3Error BucketNotEmpty */
    deleteBucket(name: string): void {
      if (find(name).objects.size > 0) throw new S3Error('BucketNotEmpty', undefined, { BucketName: name });
      unlinkSync(bucketPath(name));
      buckets.delete(name);
      rmSync(bucketDir(name), { recursive: true });
    },

    /** Keys in the order of their UTF-8 bytes, which is S3's. */
    sortedKeys: (bucket: string): string[] => find(bucket).objects.sortedKeys(),

    get: (bucket: string, key: string): StoredObject | undefined => find(bucket).objects.get(key),

    /** Opens an object's content; the file descriptor is the caller's to close. */
    open: (object: StoredObject): number => openSync(contentPath(object.content), 'r'),

    /**
     * Writes a body to disk, then makes it the object, when `describe` (called at the body's end) and `condition` do
     * not throw. Until then nobody sees anything of it; when anything fails, nothing of it stays.
     */
    async put(
      bucket: string,
      key: string,
      body: AsyncIterable<Buffer>,
      describe: () => Description,
      condition: Condition = () => {},
    ): Promise<StoredObject> {
      find(bucket);
      const content = randomUUID();
      const path = contentPath(content);
      let object: StoredObject;
      let replaced: StoredObject | undefined;
      try {
        await pipeline(body, createWriteStream(path, { flags: 'wx', highWaterMark: WRITE_BUFFER_BYTES }));
        object = { key, content, lastModified: new Date().toISOString(), ...describe() };
        replaced = commit(bucket, object, condition);
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
      if (replaced) await unlink(contentPath(replaced.content));
      return object;
    },

    /** To remove what is not there is no error. */
    async remove(bucket: string, key: string, condition: Condition = () => {}): Promise<void> {
      const { objects } = find(bucket);
      const object = objects.get(key);
      condition(object);
      if (!object) return;
      unlinkSync(objectPath(bucket, key));
      objects.delete(key);
      await unlink(contentPath(object.content));
    },
  };
}
