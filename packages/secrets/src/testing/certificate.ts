import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A certificate that signs itself, for a server of a test on this machine. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8 = 0x0c;
const GENERALIZED_TIME = 0x18;
const TRUE = Buffer.from([0x01, 0x01, 0xff]);

const ECDSA_WITH_SHA256 = tagged(SEQUENCE, oid(1, 2, 840, 10_045, 4, 3, 2));
const COMMON_NAME = oid(2, 5, 4, 3);
const BASIC_CONSTRAINTS = oid(2, 5, 29, 19);
const ALTERNATIVE_NAMES = oid(2, 5, 29, 17);

/**
 * Made when it is asked for, so that no key lies in the sources. For `localhost`, 127.0.0.1 and the given names; it is its
 * own authority and good for a day on either side of now.
 */
export function testCertificate(names: readonly string[] = [], { expired = false } = {}): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = tagged(
    SEQUENCE,
    tagged(
      SET,
      tagged(SEQUENCE, COMMON_NAME, tagged(UTF8, Buffer.from(`test server ${randomBytes(8).toString('hex')}`))),
    ),
  );
  const day = 86_400_000;
  const now = Date.now();
  const validity = tagged(SEQUENCE, time(now - (expired ? 3 : 1) * day), time(now + (expired ? -1 : 1) * day));
  const hosts = ['localhost', ...names].map((host) => tagged(0x82, Buffer.from(host)));
  const extensions = tagged(
    SEQUENCE,
    tagged(SEQUENCE, BASIC_CONSTRAINTS, TRUE, tagged(OCTET_STRING, tagged(SEQUENCE, TRUE))),
    tagged(
      SEQUENCE,
      ALTERNATIVE_NAMES,
      tagged(OCTET_STRING, tagged(SEQUENCE, ...hosts, tagged(0x87, Buffer.from([127, 0, 0, 1])))),
    ),
  );
  const body = tagged(
    SEQUENCE,
    tagged(0xa0, tagged(INTEGER, Buffer.from([2]))),
    tagged(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, extensions),
  );
  const signature = sign('sha256', body, privateKey);
  const der = tagged(SEQUENCE, body, ECDSA_WITH_SHA256, tagged(BIT_STRING, Buffer.from([0]), signature));
  return { certificate: pem(der), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function oid(first: number, second: number, ...rest: readonly number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const each of rest) {
    const groups = [each & 0x7f];
    for (let left = each >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(OBJECT_ID, Buffer.from(bytes));
}

function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\.\d+/, '').replaceAll(/[-:T]/g, '');
  return tagged(GENERALIZED_TIME, Buffer.from(digits));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}
