import { isNetworkError } from '@stowage/runtime';

/**
 * SQLSTATE classes and codes that say the server is out of reach, starting, stopping or out of resources, so that the
 * same statement may work later (PostgreSQL manual, appendix A).
 */
const UNAVAILABLE_CLASSES = new Set([
  '08', // connection_exception
  '28', // invalid_authorization_specification, after the secret was re-read: a rotation is half way
  '53', // insufficient_resources, such as too_many_connections
  '57', // operator_intervention: shutdown, start, and query_canceled, which a statement timeout is too
  '58', // system_error
]);
const UNAVAILABLE_CODES = new Set([
  '25006', // read_only_sql_transaction: a failover left us on the old primary
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
]);

/** Messages of `pg` and `pg-pool` for lost connections; they carry no code. */
const LOST =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|The server does not support SSL|There was an error establishing an SSL connection)/;

/** Codes of OpenSSL and Node for a server that cannot prove who it is: nothing is sent to it, and nothing is wrong here. */
const UNPROVEN = /^(ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;

/** Whether a statement failed for want of the server rather than for what it said. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return LOST.test(error.message);
  if (isNetworkError(error) || UNPROVEN.test(code)) return true;
  return UNAVAILABLE_CODES.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2));
}

/** Whether Postgres refused who we said we were: the password may have been rotated. */
export function isAuthenticationFailure(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === '28P01' || code === '28000';
}
