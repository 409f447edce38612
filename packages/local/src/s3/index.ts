import { serveOnLoopback } from '../sigv4/loopback-server.ts';
import type { Credentials } from '../sigv4/verify.ts';
import type { StandIn } from '../sqs.ts';
import { openObjectStore } from './object-store.ts';
import { handle } from './server.ts';

/**
 * Starts a stand-in for S3 on 127.0.0.1, with path-style addresses only. It streams objects to and from disk, checks
 * signatures, policies and checksums, and answers 501 to all it does not implement (see this folder's README).
 *
 * @param options.dataDir where buckets and objects are kept over restarts; one process at a time
 * @param options.port 0 (the default) takes any free port
 * @param options.credentials the only ones that requests, pre-signed URLs and forms may be signed with
 * @param options.region signatures must be for it; default `us-east-1`
 */
export function startS3(options: {
  dataDir: string;
  port?: number;
  credentials: Credentials;
  region?: string;
}): Promise<StandIn> {
  const { dataDir, port = 0, credentials, region = 'us-east-1' } = options;
  const realm = { credentials, region, service: 's3' };
  return serveOnLoopback(port, () => {
    const store = openObjectStore(dataDir);
    return (message, response) => handle(message, response, store, realm);
  });
}
