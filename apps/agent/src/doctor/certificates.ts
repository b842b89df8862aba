import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, getCACertificates } from 'node:tls';
import type { ConnectionOptions, DetailedPeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '@runner/core';
import type { ServerConfig } from '../config.ts';
import type { Target } from '../transport/proxy.ts';
import { openTunnel } from '../transport/tunnel.ts';
import { systemCode } from './errors.ts';
import type { Way } from './ways.ts';

/** What a server showed when TLS began. */
export interface Shown {
  /** Name of the authority that signed it. */
  readonly issuer: string;
  /** Of the last certificate that was shown. */
  readonly root: string;
  readonly names: string;
  /** Epoch milliseconds. */
  readonly validFrom: number;
  readonly validTo: number;
  /** Why it is not trusted, as Node says it (`CERT_HAS_EXPIRED`); undefined: it is. */
  readonly problem: string | undefined;
}

export type Handshake = { readonly shown: Shown } | { readonly failed: string };

/** What certificates are checked against; undefined: the usual authorities. */
export function secureContextOf({ certificateAuthorities: extra }: ServerConfig): SecureContext | undefined {
  return extra.length === 0 ? undefined : createSecureContext({ ca: [...getCACertificates('default'), ...extra] });
}

/** The connection through the proxy of a way; undefined where there is none. */
export async function tunnelTo(
  { proxy, target }: Way,
  secureContext: SecureContext | undefined,
  clock: Clock,
): Promise<Duplex | undefined> {
  return proxy === undefined ? undefined : await openTunnel(proxy, target, { secureContext, clock });
}

/** Shakes hands whatever the certificate is, so that it can be told what is wrong with it. Nothing is sent. */
export function shakeHands(
  { host, port }: Pick<Target, 'host' | 'port'>,
  under: Duplex | undefined,
  secureContext: SecureContext | undefined,
  signal: AbortSignal,
): Promise<Handshake> {
  return new Promise((resolve) => {
    const options: ConnectionOptions = {
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(under === undefined ? {} : { socket: under }),
      ...(secureContext === undefined ? {} : { secureContext }),
    };
    const socket = connect(options);
    const finish = (handshake: Handshake): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(handshake);
    };
    const onAbort = (): void => finish({ failed: 'it did not answer in time' });
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => finish({ shown: shownBy(socket) }));
    socket.on('error', (error: Error) => finish({ failed: systemCode(error) ?? error.message }));
  });
}

function shownBy(socket: TLSSocket): Shown {
  const certificate = socket.getPeerCertificate(true);
  return {
    issuer: nameOf(certificate.issuer),
    root: nameOf(rootOf(certificate).issuer),
    names: certificate.subjectaltname ?? nameOf(certificate.subject),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    problem: socket.authorized ? undefined : problemOf(socket),
  };
}

/** The types say Error; what is there is its code, or an error with one. */
function problemOf({ authorizationError }: TLSSocket): string {
  const error: unknown = authorizationError;
  return typeof error === 'string' ? error : (systemCode(error) ?? 'unknown');
}

/** As many certificates as a server may sensibly show. */
const LONGEST_CHAIN = 10;

function rootOf(certificate: DetailedPeerCertificate): DetailedPeerCertificate {
  let at = certificate;
  for (let steps = 0; steps < LONGEST_CHAIN; steps += 1) {
    const above = at.issuerCertificate as DetailedPeerCertificate | undefined;
    if (above === undefined || above === at) return at;
    at = above;
  }
  return at;
}

function nameOf(subject: { readonly CN?: unknown; readonly O?: unknown } | undefined): string {
  const name = subject?.CN ?? subject?.O;
  return typeof name === 'string' ? name.slice(0, 200) : 'nobody that is named';
}
