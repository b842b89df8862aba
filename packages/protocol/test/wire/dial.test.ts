import { createHash } from 'node:crypto';
import { createServer as createNetServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { RunnerError } from '@runner/core';
import { RunnerError as RunnerErrorClass, isRunnerError } from '@runner/core';
import type { DialWebSocketOptions } from '@runner/protocol/ws';
import { attachWebSocketServer, dialWebSocket } from '@runner/protocol/ws';
import { makeCertificate } from '@runner/core/testing';
import { ear } from '../support/ear.ts';
import { freePort, httpServer, httpsServer, listening } from '../support/server.ts';

const TOKEN = 'MaRkEr-token-of-a-test';

/** How dialling fails. */
async function failure(url: string, options: Partial<DialWebSocketOptions> = {}): Promise<RunnerError> {
  const dial = dialWebSocket({ url, token: () => TOKEN, ...options });
  const error: unknown = await dial(new AbortController().signal).then(
    (socket) => {
      socket.listen({ message: () => undefined, closed: () => undefined });
      socket.terminate();
      return new Error('it was opened');
    },
    (reason: unknown) => reason,
  );
  if (!isRunnerError(error)) throw error;
  expect(JSON.stringify({ ...error.toJSON(), cause: String(error.cause) })).not.toContain(TOKEN);
  return error;
}

describe('dialling a server that cannot be reached', () => {
  it('says that the name is unknown', async () => {
    const error = await failure('ws://no-such-host.invalid:1234/');
    expect(error).toMatchObject({ code: 'connect_dns', retryable: true });
    expect(error.message).toContain('no-such-host.invalid:1234');
  });

  it('says that nothing listens', async () => {
    const port = await freePort();
    const error = await failure(`ws://127.0.0.1:${port}/`);
    expect(error).toMatchObject({ code: 'connect_refused', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it('says that nobody answers in time', async () => {
    await using silent = await listening(createNetServer());
    const error = await failure(`ws://127.0.0.1:${silent.port}/`, { handshakeTimeoutMs: 50 });
    expect(error).toMatchObject({ code: 'connect_timeout', retryable: true });
  });

  it('says that the connection was broken off', async () => {
    await using rude = await listening(
      createNetServer((connection) => connection.once('data', () => connection.resetAndDestroy())),
    );
    expect(await failure(`ws://127.0.0.1:${rude.port}/`)).toMatchObject({ code: 'connect_reset', retryable: true });
  });

  it('can be given up', async () => {
    await using silent = await listening(createNetServer());
    const stop = new AbortController();
    const dial = dialWebSocket({ url: `ws://127.0.0.1:${silent.port}/`, token: () => TOKEN });
    const opened = dial(stop.signal).catch((error: unknown) => error);
    silent.server.once('connection', () => stop.abort());
    expect(isRunnerError(await opened, 'aborted')).toBe(true);
    expect(isRunnerError(await dial(stop.signal).catch((error: unknown) => error), 'aborted')).toBe(true);
  });

  it('hands an error of the agent or tunnel on as it is', async () => {
    const tunnel = new RunnerErrorClass('proxy_unreachable', 'the proxy is away');
    const error = await failure('ws://127.0.0.1:1/', {
      createConnection: () => {
        throw tunnel;
      },
    });
    expect(error).toBe(tunnel);
  });
});

describe('dialling with a certificate that is not trusted', () => {
  const authority = makeCertificate({ name: 'Private Test CA', isAuthority: true });

  it('names the authority that signed it', async () => {
    const leaf = makeCertificate({ name: 'localhost', issuer: authority, hosts: ['127.0.0.1'] });
    await using server = await httpsServer(leaf);
    const error = await failure(`wss://127.0.0.1:${server.port}/`);
    expect(error).toMatchObject({ code: 'connect_tls_untrusted', retryable: false });
    expect(error.message).toContain('"Private Test CA"');
    expect(error.hint).toContain('SERVER_CA_FILE');
  });

  it('opens once that authority is trusted', async () => {
    const leaf = makeCertificate({ name: 'localhost', issuer: authority, hosts: ['127.0.0.1'] });
    await using server = await httpsServer(leaf);
    const accepted = new Promise<string>((resolve) => {
      attachWebSocketServer(server.server, {
        authenticate: ({ headers }) => Promise.resolve({ identity: headers.authorization ?? '' }),
        accept: (socket, identity) => {
          ear(socket);
          resolve(identity);
        },
      });
    });
    const dial = dialWebSocket({
      url: `wss://127.0.0.1:${server.port}/`,
      token: () => `${TOKEN}\n`,
      ca: authority.cert,
    });
    const socket = await dial(new AbortController().signal);
    const atClient = ear(socket);
    expect(await accepted).toBe(`Bearer ${TOKEN}`);
    socket.close(1000, '');
    await atClient.until(({ endings }) => endings.length === 1);
  });

  it.each([
    ['expired', { notAfter: new Date(Date.now() - 1_000) }, 'connect_tls_expired'],
    ['for another host', { hosts: ['elsewhere.example'] }, 'connect_tls_name'],
  ])('says that it is %s', async (_name, options, code) => {
    const leaf = makeCertificate({ name: 'localhost', issuer: authority, hosts: ['127.0.0.1'], ...options });
    await using server = await httpsServer(leaf);
    const error = await failure(`wss://127.0.0.1:${server.port}/`, { ca: authority.cert });
    expect(error).toMatchObject({ code, retryable: false });
  });

  it('says that TLS is not spoken there', async () => {
    await using server = await httpServer();
    expect(await failure(`wss://127.0.0.1:${server.port}/`)).toMatchObject({ code: 'connect_tls', retryable: false });
  });
});

describe('dialling a server that answers', () => {
  it.each([
    [401, 'connect_unauthorized', false],
    [403, 'connect_forbidden', false],
    [404, 'connect_not_found', false],
    [407, 'connect_proxy_auth', false],
    [429, 'connect_unavailable', true],
    [500, 'connect_unavailable', true],
    [503, 'connect_unavailable', true],
    [200, 'connect_wrong_protocol', false],
    [302, 'connect_wrong_protocol', false],
    [400, 'connect_wrong_protocol', false],
    [426, 'connect_wrong_protocol', false],
  ])('tells HTTP %i apart', async (status, code, retryable) => {
    await using server = await httpServer();
    server.server.on('upgrade', (_request, connection) => {
      connection.end(`HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
    expect(await failure(`ws://127.0.0.1:${server.port}/`)).toMatchObject({ code, retryable, details: { status } });
  });

  it('repeats what the server says when it says it in the form of this protocol', async () => {
    await using server = await httpServer();
    attachWebSocketServer(server.server, {
      authenticate: () =>
        Promise.resolve({ refuse: { status: 401, code: 'token_expired', message: 'The token expired on 1 March.' } }),
      accept: () => undefined,
    });
    const error = await failure(`ws://127.0.0.1:${server.port}/`);
    expect(error).toMatchObject({
      code: 'connect_unauthorized',
      details: { status: 401, serverCode: 'token_expired' },
    });
    expect(error.hint).toContain('The token expired on 1 March.');
  });

  it('reads no more of an endless or foreign answer than it needs', async () => {
    await using server = await httpServer();
    server.server.on('upgrade', (_request, connection) => {
      connection.write('HTTP/1.1 503 X\r\nContent-Type: text/html\r\n\r\n');
      const more = (): void => {
        if (connection.writable) connection.write('<p>'.repeat(10_000), () => setImmediate(more));
      };
      more();
    });
    const error = await failure(`ws://127.0.0.1:${server.port}/`);
    expect(error).toMatchObject({ code: 'connect_unavailable', details: { status: 503 } });
    expect(error.hint).not.toContain('<p>');
  });

  it.each([
    ['without a subprotocol', ''],
    ['with another subprotocol', 'Sec-WebSocket-Protocol: graphql-ws\r\n'],
  ])('tells a WebSocket of another kind from a server that is down: %s', async (_name, header) => {
    await using server = await httpServer();
    server.server.on('upgrade', ({ headers }, connection) => {
      const key = `${headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      connection.write(
        `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${header}\r\n`,
      );
    });
    const error = await failure(`ws://127.0.0.1:${server.port}/`);
    expect(error).toMatchObject({ code: 'connect_wrong_protocol', retryable: false });
    expect(error.message).toContain('is up but does not speak hybrid-runner.v1');
  });
});

describe('an address or token that cannot be used', () => {
  it.each(['', 'nonsense', 'ftp://host/', 'wss://user:MaRkEr@host/'])('is refused at once: %j', (url) => {
    const error: unknown = (() => {
      try {
        return dialWebSocket({ url, token: () => TOKEN });
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(isRunnerError(error, 'connect_bad_url')).toBe(true);
    expect(String(error)).not.toContain('MaRkEr');
  });

  it('is an empty token', async () => {
    expect(await failure('ws://127.0.0.1:1/', { token: () => Promise.resolve(' \n') })).toMatchObject({
      code: 'connect_no_token',
    });
  });

  it('is a token that no header can carry, which is not repeated', async () => {
    expect(await failure('ws://127.0.0.1:1/', { token: () => `${TOKEN}\u0000x` })).toMatchObject({
      code: 'connect_bad_token',
    });
  });
});
