import { GetObjectCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, type Harness, openHarness } from './harness.ts';

const PAGE = 'http://localhost:3000';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
  const rule = {
    AllowedOrigins: [PAGE, 'https://*.example.com'],
    AllowedMethods: ['POST', 'GET'],
    AllowedHeaders: ['content-*'],
    ExposeHeaders: ['ETag', 'Location'],
    MaxAgeSeconds: 600,
  };
  await s3.client.send(
    new PutBucketCorsCommand({ Bucket: BUCKET, CORSConfiguration: { CORSRules: [rule] } }),
  );
});
afterEach(() => s3.close());

function preflight(headers: Record<string, string>): Promise<Response> {
  return fetch(`${s3.url}/${BUCKET}`, { method: 'OPTIONS', headers });
}

test('a preflight of an allowed origin, method and header is granted, unsigned', async () => {
  const response = await preflight({
    origin: PAGE,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'Content-Type, content-md5',
  });
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'access-control-allow-origin': PAGE,
    'access-control-allow-methods': 'POST, GET',
    'access-control-allow-headers': 'Content-Type, content-md5',
    'access-control-expose-headers': 'ETag, Location',
    'access-control-max-age': '600',
  });
  expect(response.headers.get('vary')).toContain('Origin');
});

test.each<Record<string, string>>([
  { origin: 'http://localhost:3001', 'access-control-request-method': 'POST' },
  { origin: 'https://example.com', 'access-control-request-method': 'POST' },
  { origin: PAGE, 'access-control-request-method': 'DELETE' },
  { origin: PAGE, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-other' },
])('a preflight of %j is refused', async (headers) => {
  const response = await preflight(headers);
  expect(response.status).toBe(403);
  expect(await response.text()).toContain('<Code>AccessForbidden</Code>');
  expect(response.headers.has('access-control-allow-origin')).toBe(false);
});

test('a wildcard in an origin stands for any subdomain', async () => {
  const response = await preflight({
    origin: 'https://a.b.example.com',
    'access-control-request-method': 'GET',
  });
  expect(response.headers.get('access-control-allow-origin')).toBe('https://a.b.example.com');
});

test('an answer to an allowed origin may be read by the page, with its ETag', async () => {
  await s3.put('key', 'text');
  const url = await getSignedUrl(s3.client, new GetObjectCommand({ Bucket: BUCKET, Key: 'key' }));
  const response = await fetch(url, { headers: { origin: PAGE } });
  expect(response.headers.get('access-control-allow-origin')).toBe(PAGE);
  expect(response.headers.get('access-control-expose-headers')).toBe('ETag, Location');
});

test('an error to an allowed origin may be read by the page too', async () => {
  const response = await fetch(`${s3.url}/${BUCKET}/key`, { headers: { origin: PAGE } });
  expect(response.status).toBe(403);
  expect(response.headers.get('access-control-allow-origin')).toBe(PAGE);
});

test('other origins get no CORS headers', async () => {
  const response = await fetch(`${s3.url}/${BUCKET}/key`, { headers: { origin: 'http://evil.example' } });
  expect(response.headers.has('access-control-allow-origin')).toBe(false);
});
