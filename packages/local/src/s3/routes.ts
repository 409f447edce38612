import {
  createBucket,
  deleteBucket,
  getBucketCors,
  headBucket,
  listBuckets,
  putBucketCors,
} from './buckets.ts';
import type { Context, Operation } from './context.ts';
import { notImplemented } from './errors.ts';
import { listObjectsV2 } from './list.ts';
import { OVERRIDES } from './object-headers.ts';
import { deleteObject, deleteObjects, putObject } from './objects.ts';
import { getObject, headObject } from './read-object.ts';
import { checkAmzNames } from './supported.ts';

interface Route {
  on: 'service' | 'bucket' | 'object';
  method: string;
  /** The query parameter that tells this operation from others with the same method. */
  marker?: string;
  /** Query parameters that it understands besides. */
  accepts?: string[];
  run: Operation;
}

const LIST_PARAMETERS = [
  'prefix',
  'delimiter',
  'max-keys',
  'continuation-token',
  'start-after',
  'encoding-type',
];

const ROUTES: Route[] = [
  { on: 'service', method: 'GET', run: listBuckets },
  { on: 'bucket', method: 'GET', marker: 'cors', run: getBucketCors },
  { on: 'bucket', method: 'PUT', marker: 'cors', run: putBucketCors },
  { on: 'bucket', method: 'GET', marker: 'list-type', accepts: LIST_PARAMETERS, run: listObjectsV2 },
  { on: 'bucket', method: 'POST', marker: 'delete', run: deleteObjects },
  { on: 'bucket', method: 'PUT', run: createBucket },
  { on: 'bucket', method: 'HEAD', run: headBucket },
  { on: 'bucket', method: 'DELETE', run: deleteBucket },
  { on: 'object', method: 'PUT', run: putObject },
  { on: 'object', method: 'GET', accepts: OVERRIDES, run: getObject },
  { on: 'object', method: 'HEAD', accepts: OVERRIDES, run: headObject },
  { on: 'object', method: 'DELETE', run: deleteObject },
];

/**
 * Finds the operation that a request asks for. A query parameter or header that it would have to ignore is refused:
 * `?uploads` or `?versionId=…` make another operation of a request.
 *
 * @throws S3Error NotImplemented
 */
export function findOperation({ method, bucket, key, query, headers }: Context): Operation {
  const on = key !== '' ? 'object' : bucket !== '' ? 'bucket' : 'service';
  const names = [...query.keys()].filter((name) => name !== 'x-id');
  const route = ROUTES.find(
    (candidate) =>
      candidate.on === on &&
      candidate.method === method &&
      (candidate.marker === undefined || names.includes(candidate.marker)) &&
      names.every((name) => name === candidate.marker || candidate.accepts?.includes(name)),
  );
  if (!route) throw notImplemented(`${describeRequest(method, on, names)}${named(query.get('x-id'))}`);
  checkAmzNames(headers.keys());
  return route.run;
}

function describeRequest(method: string, on: Route['on'], names: string[]): string {
  const target = { service: '/', bucket: '/bucket', object: '/bucket/key' }[on];
  return `${method} ${target}${names.length > 0 ? `?${names.join('&')}` : ''}`;
}

/** SDKs say which operation they mean. */
function named(operation: string | null): string {
  return operation === null ? '' : ` (${operation})`;
}
