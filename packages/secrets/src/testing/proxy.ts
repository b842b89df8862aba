import { connect } from 'node:net';
import type { TestCertificate } from './certificate.ts';
import { listen } from './faults.ts';

/** An HTTP proxy that tunnels by CONNECT. */
export interface TestProxy extends AsyncDisposable {
  /** With the login in it, where one is wanted. */
  readonly url: string;
  /** `host:port` of each tunnel. */
  readonly tunnels: readonly string[];
}

export interface TestProxyOptions {
  /** Speaks TLS itself, with this certificate. */
  readonly tls?: TestCertificate;
  /** `user:password`, which is then wanted of everybody. */
  readonly login?: string;
  /** Every tunnel ends here, whatever was asked for: names that do not resolve can then be reached. */
  readonly target?: { readonly port: number };
}

export async function startTestProxy({ tls, login, target }: TestProxyOptions = {}): Promise<TestProxy> {
  const tunnels: string[] = [];
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const server = await listen((_, response) => void response.writeHead(405).end(), tls, {
    onConnect: (request, socket) => {
      if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\n\r\n');
        return;
      }
      const address = request.url ?? '';
      tunnels.push(address);
      const port = target?.port ?? Number(address.split(':').at(-1));
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
      socket.on('close', () => onward.destroy());
    },
  });
  const { protocol } = new URL(server.url);
  return {
    url: `${protocol}//${login === undefined ? '' : `${login}@`}localhost:${server.port}`,
    tunnels,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
