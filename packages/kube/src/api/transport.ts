import * as http from 'node:http';
import * as https from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createSecureContext } from 'node:tls';
import { kubeError } from '../errors.ts';
import type { KubeIdentity } from '../identity/identity.ts';

export interface TransportRequest {
  readonly method: string;
  /** With query, below the server's URL. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Streams do not share the bounded number of connections of calls. */
  readonly stream: boolean;
  readonly signal: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: IncomingMessage;
}

/** The connection failed; what came before says whether it is worth another try. */
export class ConnectionFailure extends Error {
  /** A kept-alive connection that the server had closed meanwhile: nothing is known to be wrong with the server. */
  readonly stale: boolean;

  constructor(cause: Error, stale: boolean) {
    super(cause.message, { cause });
    this.name = 'ConnectionFailure';
    this.stale = stale;
  }
}

/** Kept-alive HTTP to one server. One `send` is one request: nothing is repeated here. */
export interface Transport {
  /**
   * Resolves with the head of the answer. Rejects with the signal's reason, or a `ConnectionFailure`. Aborting the signal
   * also cuts the body. The body must be read, or the stream destroyed.
   */
  send(request: TransportRequest): Promise<TransportAnswer>;
  /** Closes connections that wait for use: one of them was found dead, so the others are not to be trusted. */
  dropIdle(): void;
  /** Cuts everything. */
  close(): void;
}

/** Idle connections are closed by ourselves before load balancers and NAT forget them. */
const IDLE_MS = 55_000;
const MOST_IDLE = 32;

interface Agents {
  readonly calls: http.Agent;
  readonly streams: http.Agent;
}

/** @param mostCalls calls at once; more wait for a connection, streams are not counted */
export function createTransport(identity: KubeIdentity, mostCalls: number): Transport {
  const url = new URL(identity.place.server);
  const secure = url.protocol === 'https:';
  const target = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 443 : 80),
    prefix: url.pathname.replace(/\/+$/, ''),
  };
  const request = secure ? https.request : http.request;
  const live = new Set<http.ClientRequest>();
  let known = credentialsOf(identity);
  let agents = makeAgents(identity, secure, mostCalls);
  const dropIdle = (): void => {
    closeIdle(agents.calls);
    closeIdle(agents.streams);
  };
  const currentAgents = (): Agents => {
    const now = credentialsOf(identity);
    if (now.some((value, index) => value !== known[index])) {
      // Requests under way keep their connections; new ones are made with the new certificates.
      dropIdle();
      agents = makeAgents(identity, secure, mostCalls);
      known = now;
    }
    return agents;
  };
  const open = (wanted: TransportRequest): http.ClientRequest =>
    request({
      host: target.host,
      port: target.port,
      method: wanted.method,
      path: target.prefix + wanted.path,
      headers: wanted.headers,
      agent: wanted.stream ? currentAgents().streams : currentAgents().calls,
    });
  return {
    dropIdle,
    close: () => {
      for (const one of live) one.destroy();
      agents.calls.destroy();
      agents.streams.destroy();
    },
    send: (wanted) => exchange(() => open(wanted), wanted, live),
  };
}

function exchange(
  open: () => http.ClientRequest,
  wanted: TransportRequest,
  live: Set<http.ClientRequest>,
): Promise<TransportAnswer> {
  const { signal } = wanted;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const request = open();
    live.add(request);
    // A request that waits for a connection says nothing when it is destroyed, so the promise is settled here.
    const abort = (): void => {
      reject(signal.reason as Error);
      request.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    request.on('close', () => {
      live.delete(request);
      signal.removeEventListener('abort', abort);
      reject(new ConnectionFailure(new Error('the connection was closed before an answer'), request.reusedSocket));
    });
    request.on('error', (error) => reject(new ConnectionFailure(error, request.reusedSocket)));
    request.on('response', (stream) => {
      resolve({ status: stream.statusCode ?? 0, headers: stream.headers, stream });
    });
    request.end(wanted.body);
  });
}

type Credentials = readonly [string | undefined, string | undefined, string | undefined];

function credentialsOf(identity: KubeIdentity): Credentials {
  const { certificateAuthority, clientCertificate } = identity;
  return [certificateAuthority, clientCertificate?.certificate, clientCertificate?.key];
}

function makeAgents(identity: KubeIdentity, secure: boolean, mostCalls: number): Agents {
  const kept = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: MOST_IDLE, scheduling: 'lifo' as const };
  if (!secure) {
    return { calls: new http.Agent({ ...kept, maxSockets: mostCalls }), streams: new http.Agent(kept) };
  }
  const { certificateAuthority, clientCertificate, serverName, skipTlsVerify } = identity;
  const tls = {
    ...kept,
    // Read once: otherwise the PEM texts are parsed for each connection and are part of the key of the pool.
    secureContext: secureContextOf(certificateAuthority, clientCertificate),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
  return { calls: new https.Agent({ ...tls, maxSockets: mostCalls }), streams: new https.Agent(tls) };
}

function secureContextOf(
  ca: string | undefined,
  client: KubeIdentity['clientCertificate'],
): ReturnType<typeof createSecureContext> {
  try {
    return createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    });
  } catch (error) {
    throw kubeError('kube_config_invalid', 'the certificates of the identity cannot be used', {
      cause: error,
      hint: 'Authorities, client certificate and key must be PEM, and the key must belong to the certificate.',
    });
  }
}

function closeIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}
