import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A certificate and its private key, as PEM. */
export interface Certified {
  certificate: string;
  key: string;
}

export interface Authority {
  certificate: string;
  issue: (host: string) => Certified;
}

/** An authority that certifies host names. Written out in DER (RFC 5280), since Node reads certificates and makes none. */
export function createAuthority(name: string): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signed = (subject: string, key: KeyObject, extension: Buffer) =>
    certificate({ issuer: name, subject, key, extension, signWith: privateKey });
  return {
    certificate: signed(name, publicKey, IS_AUTHORITY),
    issue(host) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return {
        certificate: signed(host, own.publicKey, isHost(host)),
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const EXPLICIT = 0xa0;
const DNS_NAME = 0x82;

/** Object identifiers, encoded. */
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');
const ALTERNATIVE_NAME = Buffer.from('0603551d11', 'hex');
const ECDSA_WITH_SHA256 = der(SEQUENCE, Buffer.from('06082a8648ce3d040302', 'hex'));

const IS_AUTHORITY = der(
  SEQUENCE,
  BASIC_CONSTRAINTS,
  der(OCTET_STRING, der(SEQUENCE, der(BOOLEAN, Buffer.of(0xff)))),
);
const isHost = (host: string) =>
  der(SEQUENCE, ALTERNATIVE_NAME, der(OCTET_STRING, der(SEQUENCE, der(DNS_NAME, Buffer.from(host)))));

let serial = 0;

function certificate(of: {
  issuer: string;
  subject: string;
  key: KeyObject;
  extension: Buffer;
  signWith: KeyObject;
}): string {
  const content = der(
    SEQUENCE,
    der(EXPLICIT, der(INTEGER, Buffer.of(2))), // version 3
    der(INTEGER, Buffer.of(++serial)),
    ECDSA_WITH_SHA256,
    nameOf(of.issuer),
    der(SEQUENCE, der(UTC_TIME, Buffer.from('200101000000Z')), der(UTC_TIME, Buffer.from('491231235959Z'))),
    nameOf(of.subject),
    of.key.export({ type: 'spki', format: 'der' }),
    der(EXPLICIT + 3, der(SEQUENCE, of.extension)),
  );
  const signature = der(BIT_STRING, Buffer.of(0), sign('sha256', content, of.signWith));
  const body = der(SEQUENCE, content, ECDSA_WITH_SHA256, signature).toString('base64');
  const lines = body.replaceAll(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
}

/** Tag, length, value (X.690, section 8.1). */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), value]);
}
