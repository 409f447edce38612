import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Caller } from './caller.ts';

export interface OidcOptions {
  /** The `iss` that tokens must carry, exactly. */
  readonly issuer: string;
  /** The `aud` that tokens must carry. */
  readonly audience: string;
  /** Where the keys are. Default: read once from the issuer's `/.well-known/openid-configuration`. */
  readonly jwksUrl?: string;
  /** The claim that names the tenant. Default `sub`. */
  readonly tenantClaim?: string;
  /** Milliseconds for the issuer to answer. Default 2,500. */
  readonly timeoutMs?: number;
  /** Milliseconds between two reads of the keys because of an unknown one. Default 1,000: no flood by forged key ids. */
  readonly cooldownMs?: number;
}

/** The token is not good: 401. The message is safe to send. */
export class InvalidTokenError extends Error {
  override readonly name = 'InvalidTokenError';
}

/** The issuer's keys cannot be had, so nobody can tell: 503. */
export class IssuerUnavailableError extends Error {
  override readonly name = 'IssuerUnavailableError';
}

/** Signed by the issuer's private key only. HMAC would let anyone sign with the public one. */
const ALGORITHMS = ['RS256', 'ES256'];
/** Clocks differ: the usual leeway (RFC 7519 section 4.1.4: "usually no more than a few minutes"). */
const CLOCK_TOLERANCE_SECONDS = 60;
/** It becomes part of keys in stores. */
const MAX_TENANT_LENGTH = 256;

/**
 * Verifies access tokens against the issuer's keys, which are fetched when first needed, kept for ten minutes and
 * fetched again for an unknown key id (rotation), for which a token may have to wait.
 * @returns a function that throws InvalidTokenError or IssuerUnavailableError
 */
export function createTokenVerifier(options: OidcOptions): (token: string) => Promise<Caller> {
  const { issuer, audience, tenantClaim = 'sub' } = options;
  const getKey = issuerKeys(options);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, getKey, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        // jose checks exp only where there is one: a token without an end must not pass.
        requiredClaims: ['exp'],
      });
      return { tenant: tenantOf(payload, tenantClaim), scopes: scopesOf(payload) };
    } catch (error) {
      if (error instanceof errors.JOSEError) {
        throw new InvalidTokenError(reasonFor(error), { cause: error });
      }
      throw error;
    }
  };
}

function issuerKeys({
  issuer,
  jwksUrl,
  timeoutMs = 2_500,
  cooldownMs = 1_000,
}: OidcOptions): JWTVerifyGetKey {
  const remote = once(async () => {
    const url = jwksUrl ?? (await discover(issuer, timeoutMs));
    return createRemoteJWKSet(new URL(url), { timeoutDuration: timeoutMs, cooldownDuration: cooldownMs });
  });
  return async (header, token) => {
    try {
      const keys = await remote();
      const readLately = keys.coolingDown;
      try {
        return await keys(header, token);
      } catch (error) {
        if (!readLately || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
        // The key may be newer than that read: a good token must not be refused for it.
        await sleep(cooldownMs);
        return await keys(header, token);
      }
    } catch (error) {
      const tokensFault =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported;
      if (tokensFault) throw error;
      throw new IssuerUnavailableError('the keys of the token issuer cannot be read', { cause: error });
    }
  };
}

/** OpenID Connect Discovery 1.0, section 4. */
async function discover(issuer: string, timeoutMs: number): Promise<string> {
  const url = new URL('.well-known/openid-configuration', issuer.endsWith('/') ? issuer : `${issuer}/`);
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`${url.href} answered ${response.status}`);
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (document.issuer !== issuer || typeof document.jwks_uri !== 'string') {
    throw new Error(`${url.href} names another issuer, or no jwks_uri`);
  }
  return document.jwks_uri;
}

/** Runs `make` when first needed, one at a time, and keeps its result. A failure is not kept. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function tenantOf(payload: JWTPayload, claim: string): string {
  const tenant = payload[claim];
  if (typeof tenant !== 'string' || tenant === '' || tenant.length > MAX_TENANT_LENGTH) {
    throw new InvalidTokenError(`The token has no usable ${claim} claim.`);
  }
  return tenant;
}

/** `scope` is RFC 8693's space-separated list; Okta and Entra ID write `scp`, as an array or such a list. */
function scopesOf({ scope, scp }: JWTPayload): ReadonlySet<string> {
  const lists = [scope, scp].flat().filter((list) => typeof list === 'string');
  return new Set(lists.flatMap((list) => list.split(' ')).filter((each) => each !== ''));
}

function reasonFor(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The token's ${error.claim} claim is not accepted.`;
  return 'The token is not valid.';
}
