import { createLogger, createMetrics } from '@stowage/runtime';
import { buildApp } from '../../services/api/src/app.ts';

/** The contract as the api serves it at /openapi.json. No request is made, so what is behind the api may be absent. */
export async function openapiDocument(): Promise<string> {
  const absent = new Proxy({}, { get: () => () => Promise.reject(new Error('only the contract is needed')) });
  const app = await buildApp({
    log: createLogger({ service: 'docs', version: 'docs', level: 'silent' }),
    registry: createMetrics('docs', 'docs'),
    version: '1',
    auth: { mode: 'oidc', issuer: 'https://issuer.invalid', audience: 'docs' },
    service: absent as never,
    idempotencyStore: absent as never,
    checks: absent as never,
    isUnavailable: () => false,
    requestTimeoutMs: 1_000,
    rateLimitMax: 0,
    trustedProxies: 0,
    drainDelayMs: 0,
    drainMs: 0,
  });
  const { body } = await app.inject('/openapi.json');
  await app.close();
  return `${JSON.stringify(JSON.parse(body), null, 2)}\n`;
}
