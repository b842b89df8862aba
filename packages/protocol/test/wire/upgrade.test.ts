import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect as connectNet } from 'node:net';
import { describe, expect, it } from 'vitest';
import { recordingLogger } from '@runner/core/testing';
import type { Socket } from '@runner/protocol';
import { BRIDGE_PATH, SUBPROTOCOL } from '@runner/protocol';
import type { AttachOptions } from '@runner/protocol/ws';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { ear } from '../support/ear.ts';
import { httpServer } from '../support/server.ts';

const TOKEN = 'MaRkEr-token-of-a-test';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** An upgrade request of its own making; resolves with the HTTP answer, 101 included. */
function upgrade(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      port,
      host: '127.0.0.1',
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64'),
        'sec-websocket-protocol': SUBPROTOCOL,
        authorization: `Bearer ${TOKEN}`,
        ...headers,
      },
    });
    sent.once('error', reject);
    sent.once('upgrade', (response, connection) => {
      connection.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: undefined });
    });
    sent.once('response', (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) }),
      );
    });
    sent.end();
  });
}

type Options = Partial<AttachOptions<string>>;

async function bridge(options: Options = {}) {
  const running = await httpServer();
  const accepted: { socket: Socket; identity: string }[] = [];
  const attached = attachWebSocketServer<string>(running.server, {
    authenticate: ({ headers }) => Promise.resolve({ identity: headers.authorization ?? 'nobody' }),
    accept: (socket, identity) => {
      accepted.push({ socket, identity });
      ear(socket);
    },
    ...options,
  });
  return { ...running, attached, accepted, [Symbol.asyncDispose]: running[Symbol.asyncDispose] };
}

describe('the upgrade', () => {
  it.each([BRIDGE_PATH, '/', `${BRIDGE_PATH}?x=1`])('is served at %s, and chooses the subprotocol', async (path) => {
    await using server = await bridge();
    const answer = await upgrade(server.port, path, { 'sec-websocket-protocol': `graphql-ws, ${SUBPROTOCOL}` });
    expect(answer).toMatchObject({ status: 101, headers: { 'sec-websocket-protocol': SUBPROTOCOL } });
    expect(server.accepted).toMatchObject([{ identity: `Bearer ${TOKEN}` }]);
  });

  it('offers no compression', async () => {
    await using server = await bridge();
    const answer = await upgrade(server.port, '/', { 'sec-websocket-extensions': 'permessage-deflate' });
    expect(answer.headers).not.toHaveProperty('sec-websocket-extensions');
  });

  it.each([
    [400, 'subprotocol_required', '/', { 'sec-websocket-protocol': 'graphql-ws' }],
    [404, 'not_found', '/elsewhere', {}],
  ])('is refused with %i and %s before the token is looked at', async (status, code, path, headers) => {
    let looked = false;
    await using server = await bridge({
      authenticate: () => {
        looked = true;
        return Promise.resolve({ identity: 'anybody' });
      },
    });
    const answer = await upgrade(server.port, path, headers);
    expect(answer).toMatchObject({
      status,
      body: { code },
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    expect(JSON.stringify(answer)).not.toContain(TOKEN);
    expect([looked, server.accepted]).toEqual([false, []]);
  });

  it.each([
    [401, 'token_expired'],
    [403, 'forbidden'],
    [503, 'unavailable'],
  ] as const)('is refused with %i as the owner wants it', async (status, code) => {
    const refuse = { status, code, message: 'A sentence for the operator.' };
    await using server = await bridge({ authenticate: () => Promise.resolve({ refuse }) });
    expect(await upgrade(server.port, '/')).toMatchObject({ status, body: { code, message: refuse.message } });
    expect(server.accepted).toEqual([]);
  });

  it('is refused with 503 when the token cannot be checked, and the failure is logged', async () => {
    const logger = recordingLogger();
    await using server = await bridge({ authenticate: () => Promise.reject(new Error('the store is away')), logger });
    expect(await upgrade(server.port, '/')).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(logger.text()).toContain('the store is away');
  });

  it('is refused with 503 while there are as many sockets as allowed, those being checked included', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await using server = await bridge({
      maxSockets: 2,
      authenticate: async () => {
        await gate;
        return { identity: 'anybody' };
      },
    });
    const waiting = [upgrade(server.port, '/'), upgrade(server.port, '/')];
    await expect.poll(() => server.attached.sockets).toBe(2);
    expect(await upgrade(server.port, '/')).toMatchObject({ status: 503, body: { code: 'too_many_sockets' } });
    release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([101, 101]);
    await expect.poll(() => server.attached.sockets).toBe(0);
  });

  it('leaves other paths to other listeners', async () => {
    await using server = await bridge();
    server.server.on('upgrade', ({ url }, connection) => {
      if (url === '/other') connection.end('HTTP/1.1 418 X\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"me"');
    });
    expect(await upgrade(server.port, '/other')).toMatchObject({ status: 418, body: 'me' });
    expect(await upgrade(server.port, '/')).toMatchObject({ status: 101 });
  });

  it('takes nobody any more once it is closed, those being checked included', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await using server = await bridge({
      authenticate: async () => {
        await gate;
        return { identity: 'anybody' };
      },
    });
    const waiting = upgrade(server.port, '/');
    await expect.poll(() => server.attached.sockets).toBe(1);
    server.attached.close();
    release();
    expect(await waiting).toMatchObject({ status: 503 });
    expect(server.server.listenerCount('upgrade')).toBe(0);
  });

  it('survives clients that go away while they are being checked', async () => {
    let checked = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    await using server = await bridge({
      authenticate: async () => {
        checked += 1;
        await gate;
        return { identity: 'anybody' };
      },
    });
    const client = connectNet(server.port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`,
    );
    await expect.poll(() => checked).toBe(1);
    client.resetAndDestroy();
    await expect.poll(() => server.attached.sockets).toBe(0);
    release();
    expect(await upgrade(server.port, '/')).toMatchObject({ status: 101 });
    expect(server.accepted).toHaveLength(1);
  });

  it('cuts the connection when the owner fails to take the socket, and says so', async () => {
    const logger = recordingLogger();
    await using server = await bridge({
      logger,
      accept: () => {
        throw new Error('the bridge is broken');
      },
    });
    await upgrade(server.port, '/').catch(() => undefined);
    await expect.poll(() => logger.text()).toContain('the bridge is broken');
    await expect.poll(() => server.attached.sockets).toBe(0);
  });
});
