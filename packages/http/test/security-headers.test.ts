import supertest from 'supertest';
import { expect, test } from 'vitest';
import { securityHeaders } from '../src/index.ts';
import { start } from './start.ts';

const service = (trustedProxies: number) =>
  start(
    (app) => {
      app.register(securityHeaders);
      app.register(async (api) => {
        api.get('/', () => ({}));
      });
    },
    { trustedProxies },
  );

test.each(['/', '/nowhere'])('the answer to %s can load, run and be framed by nothing', async (path) => {
  const { url } = await service(0);
  const { headers } = await supertest(url)
    .get(path)
    .expect('x-content-type-options', 'nosniff')
    .expect('referrer-policy', 'no-referrer')
    .expect(
      'content-security-policy',
      "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    );
  expect(headers).not.toHaveProperty('x-powered-by');
});

test('HSTS is sent behind HTTPS only, and only a trusted proxy can say so', async () => {
  const { url: behindProxy } = await service(1);
  await supertest(behindProxy)
    .get('/')
    .set('x-forwarded-proto', 'https')
    .expect('strict-transport-security', 'max-age=31536000');
  const plain = await supertest(behindProxy).get('/');
  expect(plain.headers).not.toHaveProperty('strict-transport-security');

  const { url: direct } = await service(0);
  const claimed = await supertest(direct).get('/').set('x-forwarded-proto', 'https');
  expect(claimed.headers).not.toHaveProperty('strict-transport-security');
});
