import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { ServerOptions } from 'node:https';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Parsed JSON; undefined when there is none. */
  readonly body: unknown;
  readonly socket: Socket;
}

/** One step answers one request; the last one goes on answering. */
export type Step = (request: Request, response: ServerResponse) => void;

export interface ScriptServer extends AsyncDisposable {
  readonly url: string;
  /** What came, in order. */
  readonly requests: readonly Request[];
  /** Resolves when so many requests have come. */
  came(count: number): Promise<void>;
  /** Connections that were ever made. */
  readonly connections: number;
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>;
  /** From now on these steps are taken. */
  script(...steps: readonly Step[]): void;
}

/** An HTTP(S) server that does what a test says, one request after the other. */
export async function scriptServer(steps: readonly Step[], tls?: ServerOptions): Promise<ScriptServer> {
  let left = [...steps];
  const requests: Request[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  let waiting: (() => void)[] = [];
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const { method = '', url = '', headers, socket } = incoming;
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const request = { method, url, authorization: headers.authorization, headers, body, socket };
    requests.push(request);
    const step = left.length > 1 ? left.shift() : left[0];
    step?.(request, response);
    for (const wake of waiting.splice(0)) wake();
  };
  const listener: RequestListener = (incoming, response) => {
    // A request whose connection breaks is no failure of the test.
    answer(incoming, response).catch(() => response.destroy());
  };
  const server: Server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  server.keepAliveTimeout = 60_000;
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    open,
    get connections() {
      return connections;
    },
    script: (...more) => {
      left = [...more];
    },
    came: async (count) => {
      while (requests.length < count) await new Promise<void>((resolve) => void (waiting = [...waiting, resolve]));
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Answers with JSON. */
export const json =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Step =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

/** Answers with a Status, as the API does when it refuses. */
export const refusal = (
  code: number,
  reason: string,
  message: string,
  {
    details = {},
    headers = {},
  }: { readonly details?: object; readonly headers?: Readonly<Record<string, string>> } = {},
): Step =>
  json(
    code,
    { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code },
    headers,
  );

export const html =
  (status: number): Step =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html><body>Who are you?</body></html>');
  };

/** Cuts the connection without an answer. */
export const reset: Step = (request) => request.socket.destroy();

/** Promises a body, gives a part of it and cuts the connection. */
export const cutBody: Step = (request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"kind":', () => request.socket.destroy());
};

/** Gives a part of the body and then nothing more. */
export const slowBody: Step = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"kind":');
};

/** Never answers. */
export const silence: Step = () => undefined;

/** Answers with these pieces, each flushed by itself, and goes on as `end` says. */
export const pieces =
  (parts: readonly (string | Uint8Array)[], end: 'end' | 'cut' | 'open' = 'end'): Step =>
  (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const next = (index: number): void => {
      const part = parts[index];
      if (part !== undefined) response.write(part, () => setImmediate(() => next(index + 1)));
      else if (end === 'end') response.end();
      else if (end === 'cut') request.socket.destroy();
    };
    next(0);
  };
