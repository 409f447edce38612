import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUCKET, failure, type Harness, openHarness } from './harness.ts';

let s3: Harness;
beforeAll(async () => {
  s3 = await openHarness();
});
afterAll(() => s3.close());

const Bucket = BUCKET;
const object = { Bucket, Key: 'key' };

test.each<[string, () => Promise<unknown>, string]>([
  ['CreateMultipartUpload', () => s3.client.send(new CreateMultipartUploadCommand(object)), '?uploads'],
  [
    'UploadPart',
    () => s3.client.send(new UploadPartCommand({ ...object, UploadId: 'u', PartNumber: 1, Body: 'x' })),
    'UploadPart',
  ],
  ['ListObjects', () => s3.client.send(new ListObjectsCommand({ Bucket })), 'GET /bucket'],
  ['ListObjectVersions', () => s3.client.send(new ListObjectVersionsCommand({ Bucket })), '?versions'],
  [
    'PutBucketVersioning',
    () =>
      s3.client.send(
        new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      ),
    '?versioning',
  ],
  ['GetBucketLocation', () => s3.client.send(new GetBucketLocationCommand({ Bucket })), '?location'],
  ['a version', () => s3.client.send(new GetObjectCommand({ ...object, VersionId: 'v' })), '?versionId'],
  ['GetObjectTagging', () => s3.client.send(new GetObjectTaggingCommand(object)), '?tagging'],
  ['PutObjectAcl', () => s3.client.send(new PutObjectAclCommand({ ...object, ACL: 'public-read' })), '?acl'],
  [
    'CopyObject',
    () => s3.client.send(new CopyObjectCommand({ ...object, CopySource: `${BUCKET}/other` })),
    'x-amz-copy-source',
  ],
  [
    'an ACL',
    () => s3.client.send(new PutObjectCommand({ ...object, Body: 'x', ACL: 'public-read' })),
    'x-amz-acl',
  ],
  [
    'tags',
    () => s3.client.send(new PutObjectCommand({ ...object, Body: 'x', Tagging: 'a=b' })),
    'x-amz-tagging',
  ],
  ['two ranges', () => getRanges('bytes=0-0,2-2'), 'range'],
])('%s is refused by name', async (_what, call, name) => {
  const { code, status, message } = await failure(call());
  expect({ code, status }).toEqual({ code: 'NotImplemented', status: 501 });
  expect(message).toContain(name);
});

async function getRanges(Range: string): Promise<unknown> {
  await s3.put('key', 'hello');
  return s3.client.send(new GetObjectCommand({ ...object, Range }));
}
