import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import { onTestFinished } from 'vitest';

/** A token issuer on a real port: discovery document, JWKS and a signer. */
export interface Issuer {
  url: string;
  /** How the endpoints behave: answer, answer after half a second, fail with 500, or never answer. */
  mode: 'up' | 'slow' | 'broken' | 'hanging';
  /** What the discovery document says, beside what is right. */
  discovery: Record<string, unknown>;
  requests: string[];
  publicKeys: JWK[];
  /** A new key in place of the old. */
  rotate(algorithm?: string): Promise<void>;
  /** A token that is good for `audience: 'api'`, with `claims` in place of the usual ones; undefined leaves one out. */
  token(claims?: JWTPayload): Promise<string>;
  close(): void;
}

/** An issuer that closes when the test ends. */
export async function startIssuer(): Promise<Issuer> {
  const issuer = await serveIssuer();
  onTestFinished(() => issuer.close());
  return issuer;
}

export async function serveIssuer(): Promise<Issuer> {
  const server = createServer((request, response) => {
    issuer.requests.push(request.url ?? '');
    if (issuer.mode === 'hanging') return;
    response.statusCode = issuer.mode === 'broken' ? 500 : 200;
    response.setHeader('content-type', 'application/json');
    const discovery = { issuer: issuer.url, jwks_uri: `${issuer.url}/keys`, ...issuer.discovery };
    const body = JSON.stringify(request.url === '/keys' ? { keys: issuer.publicKeys } : discovery);
    setTimeout(() => response.end(body), issuer.mode === 'slow' ? 500 : 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  let privateKey: CryptoKey;
  let header: { alg: string; kid: string };
  let generation = 0;
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: 'up',
    discovery: {},
    requests: [],
    publicKeys: [],
    close() {
      server.close();
      server.closeAllConnections();
    },
    async rotate(alg = 'ES256') {
      const pair = await generateKeyPair(alg);
      generation += 1;
      header = { alg, kid: `key-${generation}` };
      privateKey = pair.privateKey;
      issuer.publicKeys = [{ ...(await exportJWK(pair.publicKey)), ...header, use: 'sig' }];
    },
    token(claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: issuer.url, aud: 'api', sub: 'acme', iat: now, exp: now + 300, ...claims };
      return new SignJWT(payload).setProtectedHeader(header).sign(privateKey);
    },
  };
  await issuer.rotate();
  return issuer;
}
