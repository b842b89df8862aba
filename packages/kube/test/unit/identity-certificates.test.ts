import { describe, expect, it } from 'vitest';
import { checkClientCertificate, clusterIdOf } from '../../src/identity/certificates.ts';
import { makeCertificate } from '@runner/core/testing';

const a = makeCertificate({ name: 'a', isAuthority: true }).cert;
const b = makeCertificate({ name: 'b', isAuthority: true }).cert;
const idOf = (pem: string | undefined, server = 'https://one:6443'): string => clusterIdOf(server, pem, 'ca');

describe('the id of a cluster', () => {
  it('is that of its authorities, however they are written and wherever it is reached', () => {
    const id = idOf(a + b);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(idOf(b + a)).toBe(id);
    expect(idOf(a + b + a)).toBe(id);
    expect(idOf(`# comment\n${a}\r\n${b.replaceAll('\n', '\r\n')}\n`, 'https://other:443')).toBe(id);
    expect(idOf(a)).not.toBe(id);
  });

  it('is that of the address where no authority is named', () => {
    expect(idOf(undefined)).toMatch(/^[0-9a-f]{64}$/);
    expect(idOf(undefined)).not.toBe(idOf(undefined, 'https://two:6443'));
  });
});

describe('a client certificate', () => {
  const day = 86_400_000;
  const noon = Date.UTC(2026, 5, 1);
  const { cert } = makeCertificate({ name: 'me', notBefore: new Date(noon - day), notAfter: new Date(noon + day) });

  it('is accepted while it is valid', () => {
    expect(() => checkClientCertificate(cert, 'it', noon)).not.toThrow();
  });

  it('is refused after that, with the day', () => {
    expect(() => checkClientCertificate(cert, 'it', noon + 2 * day)).toThrow('it expired on 2026-06-02T00:00:00.000Z');
  });

  it('is refused before that, with the day', () => {
    expect(() => checkClientCertificate(cert, 'it', noon - 2 * day)).toThrow('it is not valid before 2026-05-31');
  });
});
