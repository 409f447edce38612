import { type Context, payload, readXml, sendDocument, sendEmpty } from './context.ts';
import { S3Error } from './errors.ts';
import { readDocument } from './payload.ts';
import type { CorsRule } from './stored.ts';
import { childrenOf, parseXml, textsOf, type XmlElement, xml } from './xml.ts';

/** Our one account. */
const OWNER = '000000000000';

const CORS_METHODS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'HEAD']);

export function listBuckets(context: Context): void {
  const names = context.store.buckets().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  sendDocument(context, 'ListAllMyBucketsResult', [
    xml('Owner', [xml('ID', OWNER), xml('DisplayName', OWNER)]),
    xml(
      'Buckets',
      names.map(({ name, createdAt }) => xml('Bucket', [xml('Name', name), xml('CreationDate', createdAt)])),
    ),
  ]);
}

/** As in AWS, to create one's own bucket again is an error everywhere but in us-east-1. */
export async function createBucket(context: Context): Promise<void> {
  const { bucket, store, region, headers } = context;
  const source = headers.get('content-length') === undefined ? '' : await readDocument(payload(context));
  if (source !== '') {
    const constraint = textsOf(parseXml(source), 'LocationConstraint')[0];
    if (constraint !== undefined && constraint !== region) {
      throw new S3Error('IllegalLocationConstraintException');
    }
  }
  // also what makes a name safe as that of a directory
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes('..')) {
    throw new S3Error('InvalidBucketName', undefined, { BucketName: bucket });
  }
  const exists = store.buckets().some(({ name }) => name === bucket);
  if (exists && region !== 'us-east-1') throw new S3Error('BucketAlreadyOwnedByYou');
  if (!exists) store.createBucket(bucket);
  sendEmpty(context, 200, { location: `/${bucket}` });
}

export function headBucket(context: Context): void {
  context.store.bucket(context.bucket);
  sendEmpty(context, 200, { 'x-amz-bucket-region': context.region });
}

export function deleteBucket(context: Context): void {
  context.store.deleteBucket(context.bucket);
  sendEmpty(context, 204);
}

export function getBucketCors(context: Context): void {
  const { cors } = context.store.bucket(context.bucket);
  if (cors.length === 0)
    throw new S3Error('NoSuchCORSConfiguration', undefined, { BucketName: context.bucket });
  const each = (name: string, values: string[]): string[] => values.map((value) => xml(name, value));
  sendDocument(
    context,
    'CORSConfiguration',
    cors.map((rule) =>
      xml('CORSRule', [
        ...each('AllowedOrigin', rule.allowedOrigins),
        ...each('AllowedMethod', rule.allowedMethods),
        ...each('AllowedHeader', rule.allowedHeaders),
        ...each('ExposeHeader', rule.exposeHeaders),
        xml('MaxAgeSeconds', rule.maxAgeSeconds),
      ]),
    ),
  );
}

export async function putBucketCors(context: Context): Promise<void> {
  const rules = childrenOf(await readXml(context), 'CORSRule').map(readCorsRule);
  if (rules.length === 0) throw new S3Error('MalformedXML');
  context.store.setCors(context.bucket, rules);
  sendEmpty(context, 200);
}

function readCorsRule(element: XmlElement): CorsRule {
  const rule: CorsRule = {
    allowedOrigins: textsOf(element, 'AllowedOrigin'),
    allowedMethods: textsOf(element, 'AllowedMethod'),
    allowedHeaders: textsOf(element, 'AllowedHeader'),
    exposeHeaders: textsOf(element, 'ExposeHeader'),
  };
  const [maxAge] = textsOf(element, 'MaxAgeSeconds');
  if (maxAge !== undefined) rule.maxAgeSeconds = Number(maxAge);
  if (
    rule.allowedOrigins.length === 0 ||
    rule.allowedMethods.length === 0 ||
    Number.isNaN(rule.maxAgeSeconds)
  ) {
    throw new S3Error('MalformedXML');
  }
  for (const pattern of [...rule.allowedOrigins, ...rule.allowedHeaders]) {
    if (pattern.split('*').length > 2) {
      throw new S3Error('InvalidRequest', `"${pattern}" can not have more than one wildcard.`);
    }
  }
  const unknown = rule.allowedMethods.find((method) => !CORS_METHODS.has(method));
  if (unknown !== undefined) {
    throw new S3Error('InvalidRequest', `Found unsupported HTTP method in CORS config: ${unknown}`);
  }
  return rule;
}
