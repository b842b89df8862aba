import type { ServerOptions } from 'node:https';
import { TLSSocket } from 'node:tls';
import { makeCertificate, rejection, testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import type { KubeIdentity } from '../../src/identity/identity.ts';
import { scriptClient } from '../support/script-client.ts';
import type { Step } from '../support/script-server.ts';
import { json, scriptServer } from '../support/script-server.ts';

const signal = new AbortController().signal;
const authority = makeCertificate({ name: 'cluster authority', isAuthority: true });
const other = makeCertificate({ name: 'other authority', isAuthority: true });
const here = makeCertificate({ name: 'api server', issuer: authority, hosts: ['127.0.0.1'] });
const VERSION = { gitVersion: 'v1.34.4' };

const tls = (server: typeof here, more: ServerOptions = {}): ServerOptions => ({
  cert: server.cert,
  key: server.key,
  ...more,
});
const trusting = (ca: string, more: Partial<KubeIdentity> = {}): { identity: Partial<KubeIdentity> } => ({
  identity: { certificateAuthority: ca, ...more },
});

describe('TLS', () => {
  it('trusts the authority of the identity', async () => {
    await using server = await scriptServer([json(200, VERSION)], tls(here));
    await using client = scriptClient(server, testClock(), trusting(authority.cert));
    expect(await client.api.version({ signal })).toBe('v1.34.4');
    expect(await client.api.version({ signal })).toBe('v1.34.4');
    expect(server.connections).toBe(1);
  });

  it.each<[string, typeof here, string, string]>([
    ['of another authority', here, other.cert, 'authority that the identity trusts'],
    [
      'for another name',
      makeCertificate({ name: 'x', issuer: authority, hosts: ['10.0.0.1'] }),
      authority.cert,
      'tls-server-name',
    ],
    [
      'that has expired',
      makeCertificate({ name: 'x', issuer: authority, hosts: ['127.0.0.1'], notAfter: new Date(Date.now() - 1000) }),
      authority.cert,
      'has expired',
    ],
  ])('refuses a certificate %s at once, and says what is wrong', async (_name, certificate, ca, hint) => {
    await using server = await scriptServer([json(200, VERSION)], tls(certificate));
    const clock = testClock();
    await using client = scriptClient(server, clock, trusting(ca));
    const error = await rejection(client.api.version({ signal }));
    expect(error.code).toBe('kube_unreachable');
    expect(error.hint).toContain(hint);
    expect(server.requests).toHaveLength(0);
    expect(clock.monotonic()).toBe(0);
  });

  it('checks the name that the identity gives', async () => {
    const certificate = makeCertificate({ name: 'x', issuer: authority, hosts: ['kubernetes.default.svc'] });
    await using server = await scriptServer([json(200, VERSION)], tls(certificate));
    const identity = trusting(authority.cert, { serverName: 'kubernetes.default.svc' });
    await using client = scriptClient(server, testClock(), identity);
    expect(await client.api.version({ signal })).toBe('v1.34.4');
  });

  it('checks nothing where the identity says so', async () => {
    await using server = await scriptServer([json(200, VERSION)], tls(here));
    await using client = scriptClient(server, testClock(), { identity: { skipTlsVerify: true } });
    expect(await client.api.version({ signal })).toBe('v1.34.4');
  });

  it('shows the client certificate, and the new one once it is rotated', async () => {
    const pairOf = (name: string): { certificate: string; key: string } => {
      const { cert, key } = makeCertificate({ name, issuer: authority });
      return { certificate: cert, key };
    };
    let clientCertificate = pairOf('first');
    const seen: string[] = [];
    const step: Step = (request, response) => {
      if (request.socket instanceof TLSSocket) seen.push(String(request.socket.getPeerCertificate().subject.CN));
      json(200, VERSION)(request, response);
    };
    await using server = await scriptServer(
      [step],
      tls(here, { requestCert: true, rejectUnauthorized: true, ca: authority.cert }),
    );
    const rotating = {
      certificateAuthority: authority.cert,
      get clientCertificate() {
        return clientCertificate;
      },
    };
    await using client = scriptClient(server, testClock(), { identity: rotating });
    await client.api.version({ signal });
    await client.api.version({ signal });
    clientCertificate = pairOf('second');
    await client.api.version({ signal });
    expect(seen).toEqual(['first', 'first', 'second']);
    expect(server.connections).toBe(2);
  });

  it('says that the certificates of the identity cannot be used', async () => {
    await using server = await scriptServer([json(200, VERSION)], tls(here));
    const mixed = { certificate: here.cert, key: other.key };
    expect(() => scriptClient(server, testClock(), { identity: { clientCertificate: mixed } })).toThrow(
      expect.objectContaining({ code: 'kube_config_invalid' }),
    );
  });

  it('says that the server speaks no TLS', async () => {
    await using server = await scriptServer([json(200, VERSION)]);
    const place = { server: server.url.replace('http:', 'https:'), clusterId: 'c', namespace: undefined };
    await using client = scriptClient(server, testClock(), { identity: { place } });
    const error = await rejection(client.api.version({ signal }));
    expect(error.code).toBe('kube_unreachable');
    expect(error.hint).toContain('https');
  });
});
