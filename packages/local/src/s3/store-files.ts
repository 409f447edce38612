import { readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bucket, SortedMap, type StoredObject } from './stored.ts';

export interface LoadedBucket {
  bucket: Bucket;
  objects: SortedMap;
}

/** A bucket is there when its bucket.json is; a directory without is one that was being created or deleted. */
export function loadBuckets(bucketsDir: string): Map<string, LoadedBucket> {
  const buckets = new Map<string, LoadedBucket>();
  for (const name of readdirSync(bucketsDir)) {
    const dir = join(bucketsDir, name);
    removeTemporary(dir);
    if (!readdirSync(dir).includes('bucket.json')) {
      rmSync(dir, { recursive: true });
      continue;
    }
    const objectsDir = join(dir, 'objects');
    removeTemporary(objectsDir);
    const objects = new SortedMap();
    for (const file of readdirSync(objectsDir)) {
      const object = readJson(join(objectsDir, file)) as StoredObject;
      objects.set(object.key, object);
    }
    buckets.set(name, { bucket: readJson(join(dir, 'bucket.json')) as Bucket, objects });
  }
  return buckets;
}

/** Content that no metadata names: of uploads that were cut off, and of objects replaced just before the end. */
export function removeLeftovers(contentDir: string, buckets: Map<string, LoadedBucket>): void {
  const inUse = new Set(
    [...buckets.values()].flatMap(({ objects }) => [...objects.values()].map((o) => o.content)),
  );
  for (const file of readdirSync(contentDir)) if (!inUse.has(file)) unlinkSync(join(contentDir, file));
}

const TEMPORARY = '.tmp';

function removeTemporary(dir: string): void {
  for (const file of readdirSync(dir)) if (file.endsWith(TEMPORARY)) unlinkSync(join(dir, file));
}

/** All or nothing: a reader of the path, or the next start, never meets half a file. */
export function writeJson(path: string, value: object): void {
  writeFileSync(path + TEMPORARY, JSON.stringify(value));
  renameSync(path + TEMPORARY, path);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
