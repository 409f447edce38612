import { timingSafeEqual } from 'node:crypto';
import { ALGORITHM, canonicalRequest, sign, stringToSign } from './canonical.ts';
import type { HttpRequest } from './http-request.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/** The one caller that is known, and where signatures must be made for. */
export interface Realm {
  credentials: Credentials;
  region: string;
  service: string;
}

export type SignatureFault =
  | 'missing'
  | 'malformed'
  | 'unknown-key'
  | 'skewed'
  | 'not-yet-valid'
  | 'expired'
  | 'unsigned-header'
  | 'mismatch';

/** A request that its caller did not sign, or not like this; each service has its own error code for a fault. */
export class SignatureError extends Error {
  readonly fault: SignatureFault;
  /** What the caller may compare with its own when signatures differ. */
  readonly details: Record<string, string>;

  constructor(fault: SignatureFault, message: string, details: Record<string, string> = {}) {
    super(message);
    this.fault = fault;
    this.details = details;
  }
}

/** AWS refuses requests whose clock differs by more. */
const MAX_SKEW_MS = 15 * 60_000;
/** AWS' longest validity of a pre-signed URL: a week. */
const MAX_EXPIRES_S = 604_800;

/**
 * Verifies a request that is signed in its `Authorization` header.
 *
 * @param payloadHash the hash of the body that the signature must cover; to compare it with the body is the caller's
 * @throws SignatureError
 */
export function verifyHeaders(request: HttpRequest, payloadHash: string, realm: Realm): void {
  const authorization = request.headers.get('authorization');
  if (authorization === undefined) throw new SignatureError('missing', 'The request is not signed.');
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([^,\s]+)$/.exec(
      authorization,
    );
  if (!parts) throw malformed(`The Authorization header must have the form of ${ALGORITHM}.`);
  const [, credential = '', signedHeaders = '', signature = ''] = parts;
  const date = request.headers.get('x-amz-date') ?? '';
  const scope = readScope(credential, date, realm);
  if (Math.abs(Date.now() - parseDate(date)) > MAX_SKEW_MS) {
    throw new SignatureError(
      'skewed',
      'The difference between the request time and the current time is too large.',
    );
  }
  verifyRequest(request, { date, scope, signedHeaders, signature, payloadHash }, realm);
}

/**
 * Verifies a pre-signed URL.
 *
 * @throws SignatureError
 */
export function verifyQuery(request: HttpRequest, payloadHash: string, realm: Realm): void {
  const parameter = (name: string): string => {
    const values = request.query.getAll(name);
    if (values.length !== 1 || !values[0]) throw malformed(`A pre-signed URL must have one ${name}.`);
    return values[0];
  };
  if (parameter('X-Amz-Algorithm') !== ALGORITHM)
    throw malformed(`X-Amz-Algorithm only supports ${ALGORITHM}.`);
  const date = parameter('X-Amz-Date');
  const scope = readScope(parameter('X-Amz-Credential'), date, realm);
  const expires = Number(parameter('X-Amz-Expires'));
  if (!Number.isInteger(expires) || expires < 1 || expires > MAX_EXPIRES_S) {
    throw malformed(`X-Amz-Expires must be 1 to ${MAX_EXPIRES_S} seconds.`);
  }
  const signedAt = parseDate(date);
  if (signedAt - Date.now() > MAX_SKEW_MS) {
    throw new SignatureError('not-yet-valid', 'Request is not valid yet');
  }
  if (Date.now() > signedAt + expires * 1000) throw new SignatureError('expired', 'Request has expired');
  const signedHeaders = parameter('X-Amz-SignedHeaders');
  const signature = parameter('X-Amz-Signature');
  verifyRequest(request, { date, scope, signedHeaders, signature, payloadHash }, realm);
}

/**
 * Verifies the signature over a browser form's policy. What the policy says is not looked at.
 *
 * @param fields the form's fields by lower-case name
 * @throws SignatureError
 */
export function verifyPolicySignature(fields: ReadonlyMap<string, string>, realm: Realm): void {
  const field = (name: string): string => {
    const value = fields.get(name);
    if (!value) throw malformed(`Bucket POST must contain a field named '${name}'.`);
    return value;
  };
  if (!fields.has('policy')) throw new SignatureError('missing', 'The form has no policy.');
  if (field('x-amz-algorithm') !== ALGORITHM) throw malformed(`x-amz-algorithm only supports ${ALGORITHM}.`);
  const date = field('x-amz-date');
  parseDate(date);
  const scope = readScope(field('x-amz-credential'), date, realm);
  compare(field('x-amz-signature'), sign(realm.credentials.secretAccessKey, scope, field('policy')), {});
}

interface Claim {
  date: string;
  scope: string;
  signedHeaders: string;
  signature: string;
  payloadHash: string;
}

function verifyRequest(request: HttpRequest, claim: Claim, realm: Realm): void {
  const signed = claim.signedHeaders.split(';');
  for (const name of ['host', ...request.headers.keys()]) {
    if ((name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name)) {
      throw new SignatureError(
        'unsigned-header',
        `There were headers present in the request which were not signed: ${name}`,
      );
    }
  }
  const canonical = canonicalRequest(request, signed, claim.payloadHash);
  const text = stringToSign(claim.date, claim.scope, canonical);
  const expected = sign(realm.credentials.secretAccessKey, claim.scope, text);
  compare(claim.signature, expected, { CanonicalRequest: canonical, StringToSign: text });
}

function compare(given: string, expected: string, details: Record<string, string>): void {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  if (a.length === b.length && timingSafeEqual(a, b)) return;
  throw new SignatureError(
    'mismatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    { SignatureProvided: given, ...details },
  );
}

/** Checks `accessKeyId/date/region/service/aws4_request` and gives what follows the access key. */
function readScope(credential: string, date: string, { credentials, region, service }: Realm): string {
  const [accessKeyId, ...scope] = credential.split('/');
  if (accessKeyId !== credentials.accessKeyId) {
    throw new SignatureError(
      'unknown-key',
      'The AWS Access Key Id you provided does not exist in our records.',
      { AWSAccessKeyId: accessKeyId ?? '' },
    );
  }
  const expected = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  if (scope.join('/') !== expected) throw malformed(`the credential's scope must be '${expected}'`);
  return expected;
}

function parseDate(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const time = iso === text ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time)) {
    throw malformed("X-Amz-Date must be in the ISO8601 basic format, like '20260102T030405Z'.");
  }
  return time;
}

function malformed(message: string): SignatureError {
  return new SignatureError('malformed', message);
}
