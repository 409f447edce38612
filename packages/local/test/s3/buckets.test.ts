import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketCorsCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketCorsCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, failure, type Harness, openHarness } from './harness.ts';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
});
afterEach(() => s3.close());

test('it listens on loopback only', () => {
  expect(new URL(s3.url).hostname).toBe('127.0.0.1');
});

test('created buckets are listed by name', async () => {
  await s3.client.send(new CreateBucketCommand({ Bucket: 'another' }));
  const { Buckets } = await s3.client.send(new ListBucketsCommand());
  expect(Buckets?.map(({ Name }) => Name)).toEqual(['another', BUCKET]);
  expect(Buckets?.[0]?.CreationDate).toBeInstanceOf(Date);
});

test('to create a bucket again is no error in us-east-1, and keeps its objects', async () => {
  await s3.put('key', 'text');
  await s3.client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  expect(await s3.text('key')).toBe('text');
});

test.each(['UPPER', 'a', 'under_score', 'a..b'])('the bucket name %s is invalid', async (name) => {
  const create = s3.client.send(new CreateBucketCommand({ Bucket: name }));
  expect(await failure(create)).toMatchObject({ code: 'InvalidBucketName', status: 400 });
});

test('a bucket in another region is refused', async () => {
  const create = s3.client.send(
    new CreateBucketCommand({
      Bucket: 'other',
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
    }),
  );
  expect(await failure(create)).toMatchObject({ code: 'IllegalLocationConstraintException', status: 400 });
});

test('HeadBucket tells whether there is such a bucket', async () => {
  const { BucketRegion } = await s3.client.send(new HeadBucketCommand({ Bucket: BUCKET }));
  expect(BucketRegion).toBe('us-east-1');
  const missing = s3.client.send(new HeadBucketCommand({ Bucket: 'missing' }));
  expect(await failure(missing)).toMatchObject({ code: 'NotFound', status: 404 });
});

test('a bucket with objects cannot be deleted, an empty one can', async () => {
  await s3.put('key', 'text');
  const deleteBucket = () => s3.client.send(new DeleteBucketCommand({ Bucket: BUCKET }));
  expect(await failure(deleteBucket())).toMatchObject({ code: 'BucketNotEmpty', status: 409 });
  await s3.client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'key' }));
  await deleteBucket();
  expect(await failure(deleteBucket())).toMatchObject({ code: 'NoSuchBucket', status: 404 });
});

test('objects of a bucket that is not there are NoSuchBucket', async () => {
  await s3.client.send(new DeleteBucketCommand({ Bucket: BUCKET }));
  expect(await failure(s3.put('key', 'text'))).toMatchObject({ code: 'NoSuchBucket', status: 404 });
  expect(await failure(s3.text('key'))).toMatchObject({ code: 'NoSuchBucket', status: 404 });
});

test('CORS rules are answered as they were put', async () => {
  const CORSRules = [
    {
      AllowedOrigins: ['http://localhost:3000', 'https://*.example.com'],
      AllowedMethods: ['POST', 'GET'],
      AllowedHeaders: ['*'],
      ExposeHeaders: ['ETag'],
      MaxAgeSeconds: 600,
    },
    { AllowedOrigins: ['*'], AllowedMethods: ['HEAD'] },
  ];
  await s3.client.send(new PutBucketCorsCommand({ Bucket: BUCKET, CORSConfiguration: { CORSRules } }));
  const got = await s3.client.send(new GetBucketCorsCommand({ Bucket: BUCKET }));
  expect(got.CORSRules).toMatchObject(CORSRules);
});

test('without CORS rules there is no configuration', async () => {
  const get = s3.client.send(new GetBucketCorsCommand({ Bucket: BUCKET }));
  expect(await failure(get)).toMatchObject({ code: 'NoSuchCORSConfiguration', status: 404 });
});

test.each([
  { rule: { AllowedOrigins: ['*'], AllowedMethods: ['PATCH'] }, code: 'InvalidRequest' },
  { rule: { AllowedOrigins: ['https://*.*'], AllowedMethods: ['GET'] }, code: 'InvalidRequest' },
  { rule: { AllowedOrigins: [], AllowedMethods: ['GET'] }, code: 'MalformedXML' },
])('the CORS rule $rule is refused', async ({ rule, code }) => {
  const put = s3.client.send(
    new PutBucketCorsCommand({ Bucket: BUCKET, CORSConfiguration: { CORSRules: [rule] } }),
  );
  expect(await failure(put)).toMatchObject({ code, status: 400 });
});

test('a document that is too large is refused while it is being sent, and the client is told', async () => {
  const rule = { AllowedOrigins: ['x'.repeat(8_000_000)], AllowedMethods: ['GET'] };
  const put = s3.client.send(
    new PutBucketCorsCommand({ Bucket: BUCKET, CORSConfiguration: { CORSRules: [rule] } }),
  );
  expect(await failure(put)).toMatchObject({ code: 'EntityTooLarge', status: 400 });
});
