import { createServer as createPlain } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A server on a free port of this machine that ends with its test, open connections included. */
export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** @param identity serves TLS with it; undefined: plain HTTP */
export async function testServer(identity: Identity | undefined, listener?: RequestListener): Promise<TestServer> {
  const server = identity === undefined ? createPlain(listener) : createSecure(identity, listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `${identity === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export interface TestProxy extends TestServer {
  /** What it was asked: target and credentials. */
  readonly asked: readonly { readonly target: string; readonly authorization: string | undefined }[];
}

export interface TestProxyOptions {
  readonly identity?: Identity;
  /** Expected `Proxy-Authorization`; without it nobody is asked. */
  readonly authorization?: string;
  /** Answers every CONNECT with this instead of a tunnel. */
  readonly answer?: string;
  /** Never answers. */
  readonly silent?: boolean;
}

/** A real CONNECT proxy. */
export async function testProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const asked: { target: string; authorization: string | undefined }[] = [];
  const proxy = await testServer(options.identity);
  proxy.server.on('connect', (request, client: Duplex, head: Buffer) => {
    const authorization = request.headers['proxy-authorization'];
    asked.push({ target: request.url ?? '', authorization });
    client.on('error', () => client.destroy());
    if (options.silent === true) return;
    if (options.answer !== undefined) {
      client.end(`HTTP/1.1 ${options.answer}\r\n\r\n`);
      return;
    }
    if (options.authorization !== undefined && options.authorization !== authorization) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
      return;
    }
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.once('close', () => upstream.destroy());
  });
  return { ...proxy, asked };
}
