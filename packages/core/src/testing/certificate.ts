import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** Certificates made while a test runs, so that no key lies in the repository and none ever expires there. */
export interface Certificate {
  readonly name: string;
  /** PEM. */
  readonly cert: string;
  /** PEM of the private key. */
  readonly key: string;
  readonly keyObject: KeyObject;
}

export interface CertificateOptions {
  readonly name: string;
  /** Signs it; itself when left out. */
  readonly issuer?: Certificate;
  readonly isAuthority?: boolean;
  /** Host names and IPv4 addresses it is for. */
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;
const ECDSA_SHA256 = '06082a8648ce3d040302';
const COMMON_NAME = '0603550403';
const BASIC_CONSTRAINTS = '0603551d13';
const ALTERNATIVE_NAMES = '0603551d11';
/** Signing: data (an authority may be a server itself), certificates and revocation lists. */
const KEY_USAGE = '30 0e 0603551d0f 0101ff 0404 03020186'.replaceAll(' ', '');

/** An X.509 certificate over a fresh P-256 key, written in DER by hand: just what a TLS client looks at. */
export function makeCertificate(options: CertificateOptions): Certificate {
  const { name, issuer, isAuthority = false, hosts = [] } = options;
  const { notBefore = new Date(Date.now() - DAY_MS), notAfter = new Date(Date.now() + DAY_MS) } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(0x30, Buffer.from(ECDSA_SHA256, 'hex'));
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer?.name ?? name),
    der(0x30, time(notBefore), time(notAfter)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions(isAuthority, hosts))),
  );
  const signature = sign('sha256', body, issuer?.keyObject ?? privateKey);
  const certificate = der(0x30, body, algorithm, der(0x03, Buffer.from([0]), signature));
  // No empty line at the end, whatever the length: OpenSSL would not read it.
  const pem = (certificate.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  return {
    name,
    cert: `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    keyObject: privateKey,
  };
}

function extensions(isAuthority: boolean, hosts: readonly string[]): Buffer[] {
  const constraints = isAuthority ? der(0x30, der(0x01, Buffer.from([0xff]))) : der(0x30);
  const names = hosts.map((host) =>
    /^[\d.]+$/.test(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
  );
  return [
    der(0x30, Buffer.from(BASIC_CONSTRAINTS, 'hex'), der(0x01, Buffer.from([0xff])), der(0x04, constraints)),
    ...(isAuthority ? [Buffer.from(KEY_USAGE, 'hex')] : []),
    ...(names.length === 0 ? [] : [der(0x30, Buffer.from(ALTERNATIVE_NAMES, 'hex'), der(0x04, der(0x30, ...names)))]),
  ];
}

function distinguishedName(name: string): Buffer {
  return der(0x30, der(0x31, der(0x30, Buffer.from(COMMON_NAME, 'hex'), der(0x0c, Buffer.from(name)))));
}

function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
