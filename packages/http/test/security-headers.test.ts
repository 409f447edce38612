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
  const { headers } = await fetch(url + path);
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  );
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.has('x-powered-by')).toBe(false);
});

test('HSTS is sent behind HTTPS only, and only a trusted proxy can say so', async () => {
  const forwarded = { headers: { 'x-forwarded-proto': 'https' } };
  const behindProxy = await service(1);
  expect((await fetch(behindProxy.url, forwarded)).headers.get('strict-transport-security')).toBe(
    'max-age=31536000',
  );
  expect((await fetch(behindProxy.url)).headers.has('strict-transport-security')).toBe(false);
  const direct = await service(0);
  expect((await fetch(direct.url, forwarded)).headers.has('strict-transport-security')).toBe(false);
});
