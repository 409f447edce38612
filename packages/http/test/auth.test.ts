import { base64url, generateKeyPair, importJWK, exportSPKI, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { auth, drain, health } from '../src/index.ts';
import type { HttpApp, OidcOptions } from '../src/index.ts';
import { startIssuer } from './issuer.ts';
import type { Issuer } from './issuer.ts';
import { problemOf, start } from './start.ts';

function routes(app: HttpApp): void {
  app.register(drain, {});
  app.register(health, { checks: {} });
  app.register(async (api) => {
    api.get('/me', (request) => ({ ...request.caller, scopes: Array.from(request.caller.scopes) }));
    api.get('/read', { config: { scope: 'datasets:read' } }, () => 'read');
    api.post('/write', { config: { scope: 'datasets:write' } }, () => 'written');
    api.get('/public', { config: { public: true } }, () => 'public');
    api.get('/mistake', { config: { public: true } }, (request) => request.caller.tenant);
  });
}

async function secured(
  options: Partial<OidcOptions> = {},
): Promise<{ issuer: Issuer; url: string; logs: object[] }> {
  const issuer = await startIssuer();
  const { url, logs } = await start((app) => {
    app.register(auth, { mode: 'oidc', issuer: issuer.url, audience: 'api', ...options });
    routes(app);
  });
  return { issuer, url, logs };
}

function call(url: string, token?: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
}

async function refusalOf(response: Response) {
  const { status, headers } = response;
  const { code } = await problemOf(response);
  return { status, code, challenge: headers.get('www-authenticate'), retryAfter: headers.get('retry-after') };
}

const INVALID = {
  status: 401,
  code: 'unauthenticated',
  challenge: 'Bearer error="invalid_token"',
  retryAfter: null,
};
const UNAVAILABLE = { status: 503, code: 'dependency_unavailable', challenge: null, retryAfter: '5' };

test('without authentication every caller is the tenant local and may do all', async () => {
  const { url } = await start((app) => {
    app.register(auth, { mode: 'none' });
    routes(app);
  });
  expect(await (await call(`${url}/me`)).json()).toMatchObject({ tenant: 'local' });
  expect((await call(`${url}/write`, undefined, { method: 'POST' })).status).toBe(200);
});

test.each(['RS256', 'ES256'] as const)(
  'a good %s token is a caller with tenant and scopes',
  async (algorithm) => {
    const { issuer, url } = await secured();
    await issuer.rotate(algorithm);
    const response = await call(`${url}/me`, await issuer.token({ scope: 'datasets:read datasets:write' }));
    expect(await response.json()).toEqual({ tenant: 'acme', scopes: ['datasets:read', 'datasets:write'] });
  },
);

test.each([
  [
    ['a', 'b c'],
    ['a', 'b', 'c'],
  ],
  ['a b', ['a', 'b']],
  [undefined, []],
  [7, []],
])('scopes may come as scp %j', async (scp, scopes) => {
  const { issuer, url } = await secured();
  expect(await (await call(`${url}/me`, await issuer.token({ scp }))).json()).toMatchObject({ scopes });
});

test('the tenant may come from another claim', async () => {
  const { issuer, url } = await secured({ tenantClaim: 'org' });
  expect(await (await call(`${url}/me`, await issuer.token({ org: 'o1' }))).json()).toMatchObject({
    tenant: 'o1',
  });
});

test.each([undefined, '', 7, ['a'], 'x'.repeat(257)])(
  'a token whose tenant is %j is refused',
  async (org) => {
    const { issuer, url } = await secured({ tenantClaim: 'org' });
    expect(await refusalOf(await call(`${url}/me`, await issuer.token({ org })))).toEqual(INVALID);
  },
);

test('a request without a token is 401, without an error code', async () => {
  const { url } = await secured();
  const response = await call(`${url}/me`);
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  const basic = await fetch(`${url}/me`, { headers: { authorization: 'Basic YTpi' } });
  expect(basic.status).toBe(401);
});

const now = (): number => Math.floor(Date.now() / 1000);

test.each<[string, (issuer: Issuer) => Promise<string> | string]>([
  ['of another issuer', (issuer) => issuer.token({ iss: 'https://evil.example' })],
  ['for another audience', (issuer) => issuer.token({ aud: 'other' })],
  ['without an audience', (issuer) => issuer.token({ aud: undefined })],
  ['that expired', (issuer) => issuer.token({ exp: now() - 120 })],
  ['without an end', (issuer) => issuer.token({ exp: undefined })],
  ['that is not valid yet', (issuer) => issuer.token({ nbf: now() + 120 })],
  ['that is no JWT', () => 'abc'],
  [
    'with another signature',
    async (issuer) => {
      const [head, body] = (await issuer.token()).split('.');
      const [, , signature] = (await issuer.token({ sub: 'other' })).split('.');
      return `${head}.${body}.${signature}`;
    },
  ],
  [
    'with an algorithm beyond those allowed, by a key of the issuer',
    async (issuer) => {
      await issuer.rotate('ES384');
      return issuer.token();
    },
  ],
  [
    'with alg none',
    async (issuer) => {
      const [, body] = (await issuer.token()).split('.');
      return `${base64url.encode('{"alg":"none"}')}.${body}.`;
    },
  ],
  [
    'signed by HMAC with the public key as the secret',
    async (issuer) => {
      const [jwk] = issuer.publicKeys;
      const key = await importJWK({ ...jwk }, undefined, { extractable: true });
      const secret = new TextEncoder().encode(await exportSPKI(key as Exclude<typeof key, Uint8Array>));
      const payload = { iss: issuer.url, aud: 'api', sub: 'acme', exp: now() + 300 };
      return new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(secret);
    },
  ],
  [
    'signed by a stranger under a known key id',
    async (issuer) => {
      const { privateKey } = await generateKeyPair('ES256');
      const payload = { iss: issuer.url, aud: 'api', sub: 'acme', exp: now() + 300 };
      return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'key-1' }).sign(privateKey);
    },
  ],
  [
    'under an unknown key id',
    async (issuer) => {
      const { privateKey } = await generateKeyPair('ES256');
      const payload = { iss: issuer.url, aud: 'api', sub: 'acme', exp: now() + 300 };
      return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'stranger' }).sign(privateKey);
    },
  ],
])('a token %s is refused', async (_what, make) => {
  const { issuer, url } = await secured();
  expect(await refusalOf(await call(`${url}/me`, await make(issuer)))).toEqual(INVALID);
});

test('clocks may differ by a minute', async () => {
  const { issuer, url } = await secured();
  expect((await call(`${url}/me`, await issuer.token({ exp: now() - 50, nbf: now() + 50 }))).status).toBe(
    200,
  );
});

test('a token without the needed scope is 403', async () => {
  const { issuer, url } = await secured();
  const token = await issuer.token({ scope: 'datasets:read' });
  expect((await call(`${url}/read`, token)).status).toBe(200);
  expect((await call(`${url}/read`, token, { method: 'HEAD' })).status).toBe(200);
  const response = await call(`${url}/write`, token, { method: 'POST' });
  expect(response.status).toBe(403);
  expect(response.headers.get('www-authenticate')).toBe(
    'Bearer error="insufficient_scope", scope="datasets:write"',
  );
  expect((await problemOf(response)).code).toBe('forbidden');
});

test('public routes and probes need no token, unknown routes and methods are not hidden', async () => {
  const { url, issuer } = await secured();
  expect((await call(`${url}/public`)).status).toBe(200);
  expect((await call(`${url}/health`)).status).toBe(200);
  expect((await call(`${url}/ready`)).status).toBe(200);
  expect((await call(`${url}/nowhere`)).status).toBe(404);
  expect((await call(`${url}/nowhere`, await issuer.token())).status).toBe(404);
  expect((await call(`${url}/write`)).status).toBe(405);
  expect(issuer.requests).toEqual([]);
});

test('a public route that asks who calls is a bug, not a caller', async () => {
  const { url, logs } = await secured();
  expect((await call(`${url}/mistake`)).status).toBe(500);
  expect(JSON.stringify(logs)).toContain('public route');
});

test('the body of an unauthenticated request is not looked at', async () => {
  const { url } = await secured();
  const response = await fetch(`${url}/write`, {
    method: 'POST',
    body: '{',
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(401);
});

test('keys are discovered and fetched once, when first needed', async () => {
  const { issuer, url } = await secured();
  const token = await issuer.token();
  await Promise.all([call(`${url}/me`, token), call(`${url}/me`, token)]);
  await call(`${url}/me`, token);
  expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
});

test('with a JWKS URL nothing is discovered', async () => {
  const issuer = await startIssuer();
  const { url } = await start((app) => {
    app.register(auth, { mode: 'oidc', issuer: issuer.url, audience: 'api', jwksUrl: `${issuer.url}/keys` });
    routes(app);
  });
  expect((await call(`${url}/me`, await issuer.token())).status).toBe(200);
  expect(issuer.requests).toEqual(['/keys']);
});

test.each([0, 300])(
  'a rotated key is found, even right after the keys were read (cooldown %i ms)',
  async (cooldownMs) => {
    const { issuer, url } = await secured({ cooldownMs });
    const before = await issuer.token();
    expect((await call(`${url}/me`, before)).status).toBe(200);
    await issuer.rotate();
    expect((await call(`${url}/me`, await issuer.token())).status).toBe(200);
    expect(await refusalOf(await call(`${url}/me`, before))).toEqual(INVALID);
  },
);

test('unknown key ids do not make a request to the issuer each', async () => {
  const { issuer, url } = await secured();
  const { privateKey } = await generateKeyPair('ES256');
  await call(`${url}/me`, await issuer.token());
  const forged = Array.from({ length: 20 }, async (_, kid) => {
    const payload = { iss: issuer.url, aud: 'api', sub: 'acme', exp: now() + 300 };
    const signer = new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: `forged-${kid}` });
    return call(`${url}/me`, await signer.sign(privateKey));
  });
  for (const response of await Promise.all(forged)) expect(response.status).toBe(401);
  // At the start, and once a second for all of them.
  expect(issuer.requests.filter((path) => path === '/keys').length).toBeLessThan(6);
});

test('an issuer that is slow is waited for', async () => {
  const { issuer, url } = await secured();
  issuer.mode = 'slow';
  expect((await call(`${url}/me`, await issuer.token())).status).toBe(200);
});

test.each(['broken', 'hanging'] as const)(
  'while the issuer is %s the answer is 503, and afterwards all is well',
  async (mode) => {
    const { issuer, url } = await secured({ timeoutMs: 1_000 });
    const token = await issuer.token();
    issuer.mode = mode;
    expect(await refusalOf(await call(`${url}/me`, token))).toEqual(UNAVAILABLE);
    issuer.mode = 'up';
    expect((await call(`${url}/me`, token)).status).toBe(200);
  },
);

test('keys that cannot be fetched after discovery are a 503 too', async () => {
  const { issuer, url } = await secured();
  issuer.discovery = { jwks_uri: 'http://127.0.0.1:1/keys' };
  expect(await refusalOf(await call(`${url}/me`, await issuer.token()))).toEqual(UNAVAILABLE);
});

test('keys once fetched serve on while the issuer is down', async () => {
  const { issuer, url } = await secured();
  expect((await call(`${url}/me`, await issuer.token())).status).toBe(200);
  issuer.mode = 'broken';
  expect((await call(`${url}/me`, await issuer.token())).status).toBe(200);
});

test('a discovery document of another issuer is not believed', async () => {
  const { issuer, url } = await secured();
  issuer.discovery = { issuer: 'https://evil.example' };
  expect(await refusalOf(await call(`${url}/me`, await issuer.token()))).toEqual(UNAVAILABLE);
});
