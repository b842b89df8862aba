import { randomBytes } from 'node:crypto';
import { makeCertificate } from '@runner/core/testing';

/** A certificate that signs itself, for a server of a test on this machine. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

/**
 * Made when it is asked for, so that no key lies in the sources. For `localhost`, 127.0.0.1 and the given names; it is its
 * own authority and good for a day on either side of now.
 */
export function testCertificate(names: readonly string[] = [], { expired = false } = {}): TestCertificate {
  const now = Date.now();
  const { cert, key } = makeCertificate({
    name: `test server ${randomBytes(8).toString('hex')}`,
    isAuthority: true,
    hosts: ['localhost', ...names, '127.0.0.1'],
    ...(expired ? { notBefore: new Date(now - 3 * DAY_MS), notAfter: new Date(now - DAY_MS) } : {}),
  });
  return { certificate: cert, key };
}
