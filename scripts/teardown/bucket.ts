import { aws } from '../deploy/aws.ts';

interface Version {
  Key: string;
  VersionId: string;
}

/** A command line takes 128 KiB of JSON: 250 keys of up to 400 bytes with their versions. */
const BATCH = 250;

/** Deletes every version of every object of a bucket, and uploads that were not finished. */
export function emptyBucket(bucket: string): void {
  for (;;) {
    const answer = aws('s3api list-object-versions', { bucket, maxItems: String(BATCH) }) as
      | { Versions?: Version[]; DeleteMarkers?: Version[] }
      | undefined;
    const { Versions = [], DeleteMarkers = [] } = answer ?? {};
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) break;
    const deleted = aws('s3api delete-objects', { bucket, delete: { Objects, Quiet: true } });
    const [failed] = (deleted as { Errors?: { Key: string; Message: string }[] } | undefined)?.Errors ?? [];
    if (failed) throw new Error(`${failed.Key} of ${bucket} was not deleted: ${failed.Message}`);
  }
  const uploads = aws('s3api list-multipart-uploads', { bucket }) as
    | { Uploads?: { Key: string; UploadId: string }[] }
    | undefined;
  for (const { Key, UploadId } of uploads?.Uploads ?? []) {
    aws('s3api abort-multipart-upload', { bucket, key: Key, uploadId: UploadId });
  }
}
