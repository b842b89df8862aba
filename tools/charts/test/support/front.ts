import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import type { Certificate } from '@runner/core/testing';
import { makeCertificate } from '@runner/core/testing';

/** Where a connection is carried to. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What stands in front of a control plane in the world outside: it ends TLS, with a certificate of a private authority. */
export interface Front extends AsyncDisposable {
  /** `host:port`, as `config.serverHost` takes it. */
  readonly address: string;
  /** PEM of the authority. */
  readonly authority: string;
}

/** Carries each connection to one of the targets as they are at that moment, in turn. A target that is away is no target. */
export async function tlsFront(host: string, targets: () => readonly Target[]): Promise<Front> {
  const authority = makeCertificate({ name: 'authority of a test', isAuthority: true });
  const server = createServer(serverCertificate(authority, host));
  const sockets = new Set<Socket>();
  let turn = 0;
  server.on('secureConnection', (near) => {
    const all = targets();
    const target = all[(turn += 1) % Math.max(1, all.length)];
    if (target === undefined) {
      near.destroy();
      return;
    }
    const far = connect(target.port, target.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      // Either end may go at any time; then the other one goes as well.
      one.on('error', () => undefined);
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  // A client that does not trust the authority breaks off.
  server.on('tlsClientError', () => undefined);
  server.listen(0, host);
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    address: `${host}:${port}`,
    authority: authority.cert,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function serverCertificate(issuer: Certificate, host: string): { readonly cert: string; readonly key: string } {
  const { cert, key } = makeCertificate({ name: 'front of a test', issuer, hosts: [host] });
  return { cert, key };
}
