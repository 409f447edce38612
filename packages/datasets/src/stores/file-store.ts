import type { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { MAX_UPLOAD_BYTES } from '../dataset.ts';

/** The file is no longer the one that was completed: it was replaced or removed. */
export class FileChanged extends Error {
  override name = 'FileChanged';
}

/** A form that uploads one file straight to S3. */
export interface UploadForm {
  url: string;
  fields: Record<string, string>;
  maxBytes: number;
  expiresAt: string;
}

export interface FileStore {
  /** A pre-signed POST whose policy pins the key and the size. */
  uploadForm: (id: string, expiresInSeconds: number) => Promise<UploadForm>;
  /** Size and ETag of the uploaded file; undefined when there is none. */
  head: (id: string) => Promise<{ bytes: number; etag: string } | undefined>;
  /**
   * The file's bytes from `start` to before `end`, or all of them.
   * @throws {FileChanged} when the file is not the one with this ETag
   */
  read: (
    id: string,
    etag: string,
    range?: { start: number; end: number },
    signal?: AbortSignal,
  ) => Promise<Readable>;
  /** Keeps column names that are too long for the control plane's item. */
  putColumns: (id: string, columns: string[]) => Promise<void>;
  /** null when there are none: a dataset that is being deleted loses them before its record. */
  getColumns: (id: string) => Promise<string[] | null>;
  /** Removes all that is kept of a dataset. */
  remove: (id: string) => Promise<void>;
  ping: (signal: AbortSignal) => Promise<void>;
}

const fileKey = (id: string) => `uploads/${id}`;
const columnsKey = (id: string) => `columns/${id}`;

/**
 * @param options.publicS3 signs the upload forms; differs from `s3` where clients reach S3 by another address
 */
export function createFileStore(options: { s3: S3Client; publicS3?: S3Client; bucket: string }): FileStore {
  const { s3, publicS3 = s3, bucket } = options;

  return {
    async uploadForm(id, expiresInSeconds) {
      // Before the policy is made, and in whole seconds as it has: never later than what it says.
      const expiresAt = new Date((Math.floor(Date.now() / 1_000) + expiresInSeconds) * 1_000).toISOString();
      const { url, fields } = await createPresignedPost(publicS3, {
        Bucket: bucket,
        Key: fileKey(id),
        Conditions: [['content-length-range', 1, MAX_UPLOAD_BYTES]],
        Expires: expiresInSeconds,
      });
      return { url, fields, maxBytes: MAX_UPLOAD_BYTES, expiresAt };
    },

    async head(id) {
      try {
        const object = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: fileKey(id) }));
        return { bytes: object.ContentLength ?? 0, etag: object.ETag ?? '' };
      } catch (error) {
        if (isStatus(error, 404)) return undefined;
        throw error;
      }
    },

    async read(id, etag, range, signal) {
      const Range = range && `bytes=${range.start}-${range.end - 1}`;
      const command = new GetObjectCommand({ Bucket: bucket, Key: fileKey(id), IfMatch: etag, Range });
      try {
        const object = await s3.send(command, { abortSignal: signal });
        return object.Body as Readable;
      } catch (error) {
        if (isStatus(error, 412))
          throw new FileChanged('the file was replaced after it was completed', { cause: error });
        if (isStatus(error, 404))
          throw new FileChanged('the file was removed after it was completed', { cause: error });
        throw error;
      }
    },

    async putColumns(id, columns) {
      await s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: columnsKey(id), Body: JSON.stringify(columns) }),
      );
    },

    async getColumns(id) {
      try {
        const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: columnsKey(id) }));
        return JSON.parse((await object.Body?.transformToString()) ?? '') as string[];
      } catch (error) {
        if (isStatus(error, 404)) return null;
        throw error;
      }
    },

    async remove(id) {
      const Objects = [{ Key: fileKey(id) }, { Key: columnsKey(id) }];
      const { Errors = [] } = await s3.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      );
      const [first] = Errors;
      if (first) throw new Error(`S3 did not delete ${first.Key}: ${first.Code} ${first.Message}`);
    },

    async ping(signal) {
      await s3.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
    },
  };
}

function isStatus(error: unknown, status: number): boolean {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === status;
}
