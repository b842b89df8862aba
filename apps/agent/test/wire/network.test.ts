import { describe, expect, it } from 'vitest';
import { RunnerError, Secret, systemClock } from '@runner/core';
import type { Socket } from '@runner/protocol';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { parseConfig } from '@runner/agent/config';
import { createDial } from '../../src/transport/dial.ts';
import { createNetwork } from '../../src/transport/http-agent.ts';
import { createRest } from '../../src/transport/rest.ts';
import { serverVersion } from '../../src/transport/server-version.ts';
import { testAuthority } from '../certificates.ts';
import { testProxy, testServer } from '../servers.ts';
import type { Identity, TestServer } from '../servers.ts';
import { testToken } from '../tokens.ts';

const clock = systemClock();
const never = new AbortController().signal;
const authority = testAuthority('Control Plane Test CA');
const proxyAuthority = testAuthority('Proxy Test CA');
const TOKEN = testToken({ sub: 'bot' });
const FILES: Readonly<Record<string, string>> = {
  '/ca.pem': authority.certificate,
  '/proxy-ca.pem': proxyAuthority.certificate,
  '/both.pem': authority.certificate + proxyAuthority.certificate,
};

/** A control plane that accepts sockets and says its version. */
async function controlPlane(identity: Identity | undefined): Promise<TestServer & { readonly tokens: string[] }> {
  const tokens: string[] = [];
  const server = await testServer(identity, (request, response) => {
    response.statusCode = request.url === '/api/v1/system/version' ? 200 : 404;
    response.end(JSON.stringify({ version: '1.13.3' }));
  });
  attachWebSocketServer(server.server, {
    authenticate: (request) => {
      tokens.push(request.headers.authorization ?? '');
      return Promise.resolve({ identity: {} });
    },
    accept: (socket: Socket) => socket.listen({ message: () => undefined, closed: () => undefined }),
    clock,
  });
  return { ...server, tokens };
}

/** The way out, as an environment describes it. */
function way(url: string, env: Record<string, string>) {
  const result = parseConfig(
    {
      AUTH_TOKEN: TOKEN,
      SERVER_URL: url.replace(/^http/, 'ws'),
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: '/unused',
      ...env,
    },
    (path) => FILES[path] ?? '',
    Date.now(),
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const { server } = result.config;
  const network = createNetwork({ ...server, clock });
  const rest = createRest({ base: server.apiUrl, network, clock });
  const token = (): Promise<Secret> => Promise.resolve(new Secret(TOKEN));
  return { rest, dial: createDial({ url: server.socketUrl, token, network, rest, clock, userAgent: 'test' }) };
}

/** Opens a socket and asks REST for the version; both must work. */
async function bothWays(url: string, env: Record<string, string>): Promise<string> {
  const { dial, rest } = way(url, env);
  const socket = await dial(never);
  await new Promise<void>((resolve) => {
    socket.listen({ message: () => undefined, closed: () => resolve() });
    socket.terminate();
  });
  return serverVersion(rest, never);
}

async function failure(url: string, env: Record<string, string>): Promise<RunnerError> {
  const { dial } = way(url, env);
  const error: unknown = await dial(never).then(
    () => new Error('expected a failure'),
    (reason: unknown) => reason,
  );
  if (error instanceof RunnerError) return error;
  throw error;
}

describe('without a proxy', () => {
  it('a server with a certificate of a private authority is trusted through SERVER_CA_FILE and NODE_EXTRA_CA_CERTS', async () => {
    await using server = await controlPlane(authority.issue('127.0.0.1'));
    expect(await bothWays(server.url, { SERVER_CA_FILE: '/ca.pem' })).toBe('1.13.3');
    expect(await bothWays(server.url, { NODE_EXTRA_CA_CERTS: '/ca.pem', SERVER_CA_FILE: '/proxy-ca.pem' })).toBe(
      '1.13.3',
    );
    expect(server.tokens).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
  });

  it('a private authority nobody named is refused with the name of it and the variable to set', async () => {
    await using server = await controlPlane(authority.issue('127.0.0.1'));
    expect(await failure(server.url, {})).toMatchObject({
      code: 'connect_tls_untrusted',
      message: expect.stringContaining('Control Plane Test CA') as string,
      hint: expect.stringContaining('SERVER_CA_FILE') as string,
      retryable: false,
    });
    expect(await failure(server.url, { SERVER_CA_FILE: '/proxy-ca.pem' })).toMatchObject({
      code: 'connect_tls_untrusted',
    });
  });

  it('a trusted certificate for another name is refused', async () => {
    await using server = await controlPlane(authority.issue('other.example.test'));
    expect(await failure(server.url, { SERVER_CA_FILE: '/ca.pem' })).toMatchObject({ code: 'connect_tls_name' });
  });
});

const withUser = (url: string, user: string): string => url.replace('://', `://${user}@`);
const basic = (plain: string): string => `Basic ${Buffer.from(plain).toString('base64')}`;

describe('through a proxy', () => {
  it('socket and REST go to a private target through an https proxy of another private authority, with credentials', async () => {
    const authorization = basic('agent:p@ss:word');
    await using proxy = await testProxy({ identity: proxyAuthority.issue('127.0.0.1'), authorization });
    await using server = await controlPlane(authority.issue('127.0.0.1'));
    const env = { SERVER_CA_FILE: '/both.pem', HTTPS_PROXY: withUser(proxy.url, 'agent:p%40ss%3Aword') };
    expect(await bothWays(server.url, env)).toBe('1.13.3');
    const one = { target: `127.0.0.1:${server.port}`, authorization };
    expect(proxy.asked).toEqual([one, one]);
  });

  it('an http proxy serves as well, without credentials', async () => {
    await using proxy = await testProxy();
    await using server = await controlPlane(authority.issue('127.0.0.1'));
    expect(await bothWays(server.url, { SERVER_CA_FILE: '/ca.pem', HTTPS_PROXY: proxy.url })).toBe('1.13.3');
    expect(proxy.asked).toHaveLength(2);
  });

  it('a target without encryption is reached through HTTP_PROXY, never HTTPS_PROXY', async () => {
    await using proxy = await testProxy();
    await using server = await controlPlane(undefined);
    expect(await bothWays(server.url, { HTTP_PROXY: proxy.url, HTTPS_PROXY: 'http://127.0.0.1:1' })).toBe('1.13.3');
    expect(proxy.asked).toHaveLength(2);
  });

  it.each(['127.0.0.1', '127.0.0.0/8', '*', 'localhost 127.0.0.1:PORT'])(
    'is not used where NO_PROXY says %s',
    async (rule) => {
      await using server = await controlPlane(authority.issue('127.0.0.1'));
      const env = {
        SERVER_CA_FILE: '/ca.pem',
        HTTPS_PROXY: 'http://127.0.0.1:1',
        NO_PROXY: rule.replace('PORT', String(server.port)),
      };
      expect(await bothWays(server.url, env)).toBe('1.13.3');
    },
  );

  it('trusting the proxy does not mean trusting the target, nor the other way round', async () => {
    await using proxy = await testProxy({ identity: proxyAuthority.issue('127.0.0.1') });
    await using server = await controlPlane(authority.issue('127.0.0.1'));
    expect(await failure(server.url, { SERVER_CA_FILE: '/proxy-ca.pem', HTTPS_PROXY: proxy.url })).toMatchObject({
      code: 'connect_tls_untrusted',
    });
    expect(await failure(server.url, { SERVER_CA_FILE: '/ca.pem', HTTPS_PROXY: proxy.url })).toMatchObject({
      code: 'proxy_unreachable',
      hint: expect.stringContaining('SERVER_CA_FILE') as string,
    });
  });

  it.each([
    ['no credentials were given', '', /wants a user name and a password \(407\)/],
    ['they are wrong', 'agent:guess', /refused the user name and password \(407\)/],
  ])('a 407 is said in words when %s, and the password is not', async (_when, user, message) => {
    await using proxy = await testProxy({ authorization: basic('agent:right') });
    await using server = await controlPlane(authority.issue('127.0.0.1'));
    const error = await failure(server.url, {
      SERVER_CA_FILE: '/ca.pem',
      HTTPS_PROXY: user === '' ? proxy.url : withUser(proxy.url, user),
    });
    expect(error).toMatchObject({ code: 'proxy_authentication', message: expect.stringMatching(message) as string });
    expect(JSON.stringify(error)).not.toContain('guess');
    expect(server.tokens).toEqual([]);
  });

  it('a refusal names proxy, target and status', async () => {
    await using proxy = await testProxy({ answer: '403 Forbidden' });
    const error = await failure('https://control.example.test', { HTTPS_PROXY: proxy.url });
    expect(error).toMatchObject({
      code: 'proxy_refused',
      details: { status: 403, target: 'control.example.test:443' },
    });
    expect(error.message).toContain(`${proxy.url} did not connect to control.example.test:443 (403 Forbidden)`);
  });

  it('a proxy that is not there is told apart from a server that is not there', async () => {
    expect(await failure('https://control.example.test', { HTTPS_PROXY: 'http://127.0.0.1:1' })).toMatchObject({
      code: 'proxy_unreachable',
      retryable: true,
    });
    expect(await failure('http://127.0.0.1:1', {})).toMatchObject({ code: 'connect_refused' });
  });
});

describe('a server that does not speak the protocol', () => {
  it('is said to be OpenMetadata of its version when it is', async () => {
    await using server = await testServer(undefined, (request, response) => {
      response.statusCode = request.url === '/api/v1/system/version' ? 200 : 404;
      response.end('{"version":"1.12.8","revision":"x"}');
    });
    server.server.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
    );
    const error = await failure(server.url, {});
    expect(error).toMatchObject({ code: 'server_without_bridge' });
    expect(error.message).toContain('OpenMetadata 1.12.8');
  });

  it('keeps the plain error when it is something else', async () => {
    await using server = await testServer(undefined, (_request, response) => response.end('<html>'));
    server.server.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'),
    );
    expect(await failure(server.url, {})).toMatchObject({ code: 'connect_not_found' });
  });
});
