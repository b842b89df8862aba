import type { Agent, ClientRequest, ClientRequestArgs, IncomingMessage, Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock, Logger, RunnerError, Timer } from '@runner/core';
import { abortError, silentLogger, systemClock } from '@runner/core';
import type { RawData } from 'ws';
import { WebSocket, WebSocketServer } from 'ws';
import type { Dial } from './client/ports.ts';
import { CLOSE } from './close-codes.ts';
import { shortReason } from './close-reason.ts';
import { BRIDGE_PATH, LIMITS, SUBPROTOCOL } from './messages.ts';
import type { Socket, SocketListener } from './socket.ts';
import type { DialFacts } from './ws/dial-errors.ts';
import { connectTimeout, httpDialError, networkDialError } from './ws/dial-errors.ts';
import { checkToken, checkUrl } from './ws/dial-input.ts';
import { readAnswer } from './ws/http-answer.ts';
import type { UpgradeRefusal } from './ws/refusal.ts';
import { FULL, NOT_FOUND, UNAVAILABLE, WRONG_PROTOCOL, offersProtocol, pathOf, refuseUpgrade } from './ws/refusal.ts';

export type { UpgradeRefusal } from './ws/refusal.ts';

/** How long a peer may take to answer a closing handshake before the connection is cut. */
const CLOSE_TIMEOUT_MS = 5_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Codes the library closes with by itself, in the words of this protocol. */
const LIBRARY_CODES: ReadonlyMap<number, number> = new Map([
  [1002, CLOSE.badFrame.code],
  [1007, CLOSE.badFrame.code],
  [1009, CLOSE.tooLarge.code],
]);

/** Gives the library's own endings (it names a code and no reason) the words of this protocol. */
class ProtocolWebSocket extends WebSocket {
  fault: number | undefined;

  override close(code?: number, reason?: string | Buffer): void {
    const ours = reason === undefined && code !== undefined ? LIBRARY_CODES.get(code) : undefined;
    this.fault ??= ours;
    super.close(ours ?? code, reason);
  }
}

/** The Socket port over an open WebSocket. Reads nothing until somebody listens. */
class WsSocket implements Socket {
  readonly #ws: ProtocolWebSocket;
  readonly #clock: Clock;
  #said: { readonly code: number; readonly reason: string } | undefined;
  #timer: Timer | undefined;

  constructor(ws: ProtocolWebSocket, clock: Clock) {
    this.#ws = ws;
    this.#clock = clock;
    // What broke is told by the `close` event that follows every error.
    ws.on('error', () => undefined);
    ws.pause();
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  listen(listener: SocketListener): void {
    const over = (code: number, reason: string): void => {
      this.#timer?.cancel();
      const { code: known, reason: why } = this.#said ?? { code: this.#ws.fault ?? code, reason };
      listener.closed(known, why);
    };
    if (this.#ws.readyState === WebSocket.CLOSED) {
      queueMicrotask(() => over(1006, ''));
      return;
    }
    this.#ws.on('message', (data: RawData, isBinary: boolean) => {
      if (this.#said !== undefined || !Buffer.isBuffer(data)) return;
      listener.message(isBinary ? undefined : data.toString(), data.length);
    });
    this.#ws.once('close', (code: number, reason: Buffer) => over(code, reason.toString()));
    this.#ws.resume();
  }

  send(text: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(text);
  }

  close(code: number, reason: string): void {
    if (this.#ws.readyState !== WebSocket.OPEN || this.#said !== undefined) return;
    this.#said = { code, reason };
    this.#timer = this.#clock.setTimer(CLOSE_TIMEOUT_MS, () => this.#ws.terminate());
    this.#ws.close(code, shortReason(reason));
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

export interface DialWebSocketOptions {
  /** `wss://host[:port][/path]` (or `ws://`). A server of this protocol answers at `/api/v1/runner-bridge` and at `/`. */
  readonly url: string;
  /** Read at every attempt, so that a renewed token is used. */
  readonly token: () => string | Promise<string>;
  /** For proxies and connection reuse; passed to `node:http`. */
  readonly agent?: Agent;
  /** Opens the connection instead of `node:net` and `node:tls`, e.g. through a proxy tunnel. */
  readonly createConnection?: (options: ClientRequestArgs) => Duplex;
  /** PEM of the certificate authorities to trust instead of the built-in ones. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** From the first packet to the open WebSocket. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  readonly userAgent?: string;
  readonly clock?: Clock;
}

/**
 * Opens sockets to a control plane over the `ws` library. Every failure has a code of its own (README) and says in
 * words what is wrong; `retryable: false` means that a person has to act first.
 * @throws RunnerError `connect_bad_url` at once when the URL cannot be used
 */
export function dialWebSocket(options: DialWebSocketOptions): Dial {
  const url = checkUrl(options.url);
  const clock = options.clock ?? systemClock();
  return async (signal) => {
    if (signal.aborted) throw abortError(signal);
    const token = checkToken(await options.token());
    return openSocket({ url, token, clock, options, signal });
  };
}

interface Attempt {
  readonly url: URL;
  readonly token: string;
  readonly clock: Clock;
  readonly options: DialWebSocketOptions;
  readonly signal: AbortSignal;
}

function openSocket(attempt: Attempt): Promise<Socket> {
  const { url, clock, options, signal } = attempt;
  const facts: DialFacts = { host: url.host };
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal));
      return;
    }
    const ws = newClient(attempt, facts);
    const settle = (finish: () => void): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const give = (error: RunnerError): void => {
      settle(() => reject(error));
      ws.terminate();
    };
    const onAbort = (): void => give(abortError(signal));
    const timer = clock.setTimer(options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS, () => give(connectTimeout(facts)));
    signal.addEventListener('abort', onAbort, { once: true });
    ws.once('upgrade', (response) => {
      facts.foreign = response.headers['sec-websocket-protocol'] !== SUBPROTOCOL;
    });
    ws.once('unexpected-response', (_request, response) => {
      void readAnswer(response, clock).then((answer) => give(httpDialError(answer, facts)));
    });
    // Stays for the whole attempt: the library reports its own abort as an error, too.
    ws.on('error', (error) => settle(() => reject(networkDialError(error, facts))));
    ws.once('open', () => settle(() => resolve(new WsSocket(ws, clock))));
  });
}

function newClient({ url, token, options }: Attempt, facts: DialFacts): ProtocolWebSocket {
  const { agent, createConnection, ca, userAgent } = options;
  return new ProtocolWebSocket(url, SUBPROTOCOL, {
    headers: { authorization: `Bearer ${token}`, ...(userAgent === undefined ? {} : { 'user-agent': userAgent }) },
    maxPayload: LIMITS.frameBytes,
    perMessageDeflate: false,
    followRedirects: false,
    ...(agent === undefined ? {} : { agent }),
    ...(createConnection === undefined ? {} : { createConnection }),
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    finishRequest: (request: ClientRequest) => {
      request.once('socket', (socket: NetSocket) => noteIssuer(socket, facts));
      request.end();
    },
  });
}

/** Once verification has failed the certificate cannot be asked for any more, so it is looked at just before. */
function noteIssuer(socket: NetSocket, facts: DialFacts): void {
  if (!(socket instanceof TLSSocket)) return;
  socket.prependOnceListener('secure', () => {
    const issuer = socket.getPeerCertificate().issuer as { CN?: unknown; O?: unknown } | undefined;
    const name = issuer?.CN ?? issuer?.O;
    if (typeof name === 'string') facts.issuer = name.slice(0, 200);
  });
}

/** Who is at the other end, or why the upgrade is refused. */
export type UpgradeAnswer<I> = { readonly identity: I } | { readonly refuse: UpgradeRefusal };

export interface AttachOptions<I> {
  /** Checks the request (its `Authorization` header) before the upgrade. A rejection is answered with 503 and logged. */
  readonly authenticate: (request: IncomingMessage) => Promise<UpgradeAnswer<I>>;
  /** Takes over the open socket; must call `listen` at once, as `Bridge.accept` does. */
  readonly accept: (socket: Socket, identity: I) => void;
  /** Default: `/api/v1/runner-bridge` and `/`. */
  readonly paths?: readonly string[];
  /** Sockets at once, those being authenticated included; more are answered with 503. Default 20,000. */
  readonly maxSockets?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface AttachedServer {
  /** Sockets that are open or being authenticated. */
  readonly sockets: number;
  /** Takes no more upgrades. Sockets that are open stay: whoever accepted them ends them. */
  close(): void;
}

/**
 * Serves the bridge on a `node:http` server. Upgrades of other paths are left to other listeners, or answered with 404
 * when there are none.
 */
export function attachWebSocketServer<I>(server: Server | HttpsServer, options: AttachOptions<I>): AttachedServer {
  const { paths = [BRIDGE_PATH, '/'], maxSockets = 20_000, clock = systemClock(), logger = silentLogger } = options;
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: LIMITS.frameBytes,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
    WebSocket: ProtocolWebSocket,
  });
  let sockets = 0;
  let open = true;
  const authenticate = async (request: IncomingMessage): Promise<UpgradeAnswer<I>> => {
    try {
      return await options.authenticate(request);
    } catch (error) {
      logger.error('the token of a runner could not be checked', { error });
      return { refuse: UNAVAILABLE };
    }
  };
  const upgrade = async (request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void> => {
    const answer = await authenticate(request);
    if (!open) refuseUpgrade(connection, UNAVAILABLE);
    else if ('refuse' in answer) refuseUpgrade(connection, answer.refuse);
    else {
      upgrader.handleUpgrade(request, connection, head, (ws) => {
        options.accept(new WsSocket(ws, clock), answer.identity);
      });
    }
  };
  const onUpgrade = (request: IncomingMessage, connection: Duplex, head: Buffer): void => {
    // A peer that goes away while it is being looked at is no event; without a listener it would end the process.
    connection.on('error', () => connection.destroy());
    if (!paths.includes(pathOf(request))) {
      if (server.listenerCount('upgrade') === 1) refuseUpgrade(connection, NOT_FOUND);
      return;
    }
    const refusal = offersProtocol(request) ? (sockets >= maxSockets ? FULL : undefined) : WRONG_PROTOCOL;
    if (refusal !== undefined) {
      refuseUpgrade(connection, refusal);
      return;
    }
    sockets += 1;
    connection.once('close', () => (sockets -= 1));
    upgrade(request, connection, head).catch((error: unknown) => {
      logger.error('a runner could not be taken in', { error });
      connection.destroy();
    });
  };
  server.on('upgrade', onUpgrade);
  return {
    get sockets() {
      return sockets;
    },
    close: () => {
      open = false;
      server.off('upgrade', onUpgrade);
    },
  };
}
