import { makeCertificate } from '@runner/core/testing';

/** A certificate authority of a test, and what it signs. */
export interface TestAuthority {
  /** PEM. */
  readonly certificate: string;
  /** Key and certificate of a server with these names or addresses, both PEM. */
  issue(...names: readonly string[]): { readonly key: string; readonly cert: string };
}

export function testAuthority(name = 'Test Authority'): TestAuthority {
  const issuer = makeCertificate({ name, isAuthority: true });
  return {
    certificate: issuer.cert,
    issue: (...hosts) => makeCertificate({ name: hosts[0] ?? 'server', issuer, hosts }),
  };
}
