import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestCertificate } from './certificate.ts';

/** What goes wrong instead of an answer. */
export type TestFault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The connection is reset before anything is answered. */
  | { readonly kind: 'reset' }
  /** Half of the answer comes, then the connection is reset. */
  | { readonly kind: 'reset_mid_body' }
  /** Nothing is ever answered. */
  | { readonly kind: 'hang' }
  /** The head of the answer comes, the body never does. */
  | { readonly kind: 'stall' };

/** The faults of a server: the next requests meet those that were queued, and all of them the standing one. */
export interface FaultSwitch {
  /** The next requests, one each. */
  next(...faults: readonly TestFault[]): void;
  /** Every request until `clear`. */
  always(fault: TestFault): void;
  clear(): void;
}

export interface FaultSource extends FaultSwitch {
  take(): TestFault | undefined;
}

export function createFaults(): FaultSource {
  let queue: TestFault[] = [];
  let standing: TestFault | undefined;
  return {
    next: (...faults) => void queue.push(...faults),
    always: (fault) => {
      standing = fault;
    },
    clear: () => {
      queue = [];
      standing = undefined;
    },
    take: () => queue.shift() ?? standing,
  };
}

/** Acts a fault out on a request whose body was read. */
export function act(fault: TestFault, request: IncomingMessage, response: ServerResponse): void {
  switch (fault.kind) {
    case 'answer':
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(fault.body ?? '');
      return;
    case 'reset':
      breakOff(request);
      return;
    case 'reset_mid_body':
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
        .write('{"half":', () => breakOff(request));
      return;
    case 'stall':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).flushHeaders();
      return;
    case 'hang':
  }
}

/** A reset where the socket can do that; one under TLS is closed without a word. */
function breakOff({ socket }: IncomingMessage): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

export interface ListeningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** A server on a free port of 127.0.0.1; disposing it breaks every connection. */
export async function listen(
  handle: RequestListener,
  tls?: TestCertificate,
  { onConnect }: { readonly onConnect?: (request: IncomingMessage, socket: Duplex) => void } = {},
): Promise<ListeningServer> {
  const server =
    tls === undefined ? createServer(handle) : createTlsServer({ cert: tls.certificate, key: tls.key }, handle);
  if (onConnect !== undefined) server.on('connect', onConnect);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that goes away is no fault of the server.
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
