import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Socket } from '@runner/protocol';
import { LIMITS } from '@runner/protocol';
import { memoryWire } from '@runner/protocol/memory';
import { attachWebSocketServer, dialWebSocket } from '@runner/protocol/ws';
import { ear } from '../support/ear.ts';

interface Pair extends AsyncDisposable {
  readonly client: Socket;
  readonly server: Socket;
}

async function wsPair(): Promise<Pair> {
  const http = createServer();
  const accepted = new Promise<Socket>((resolve) => {
    attachWebSocketServer(http, {
      authenticate: () => Promise.resolve({ identity: 'anybody' }),
      accept: (socket) => resolve(socket),
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const dial = dialWebSocket({ url: `ws://127.0.0.1:${port}`, token: () => 'token-of-a-test' });
  const client = await dial(new AbortController().signal);
  const server = await accepted;
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      client.terminate();
      server.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function memoryPair(): Promise<Pair> {
  const { client, server } = memoryWire();
  return Promise.resolve({ client, server, [Symbol.asyncDispose]: () => Promise.resolve() });
}

async function thereAndBack(open: () => Promise<Pair>): Promise<void> {
  await using pair = await open();
  const [atClient, atServer] = [ear(pair.client), ear(pair.server)];
  pair.client.send('there');
  await atServer.until(({ frames }) => frames.length === 1);
  pair.server.send('back');
  await atClient.until(({ frames }) => frames.length === 1);
}

describe.each([
  ['ws', wsPair],
  ['memory', memoryPair],
])('a socket over %s', (_name, open) => {
  it('carries text frames in order, both ways, with their size in bytes', async () => {
    await using pair = await open();
    const [atClient, atServer] = [ear(pair.client), ear(pair.server)];
    for (const text of ['one', 'zwei €', '']) pair.client.send(text);
    pair.server.send('back');
    await atServer.until((heard) => heard.frames.length === 3);
    await atClient.until((heard) => heard.frames.length === 1);
    expect(atServer.frames).toEqual([
      { text: 'one', bytes: 3 },
      { text: 'zwei €', bytes: 8 },
      { text: '', bytes: 0 },
    ]);
    expect(atClient.frames).toEqual([{ text: 'back', bytes: 4 }]);
  });

  it('keeps frames that arrive before somebody listens', async () => {
    await using pair = await open();
    ear(pair.client);
    pair.client.send('early');
    pair.client.send('bird');
    // What was sent there and back on another connection meanwhile has overtaken nothing.
    for (let n = 0; n < 3; n += 1) await thereAndBack(open);
    const atServer = ear(pair.server);
    await atServer.until((heard) => heard.frames.length === 2);
    expect(atServer.frames.map(({ text }) => text)).toEqual(['early', 'bird']);
  });

  it.each(['client', 'server'] as const)('tells both ends once how the %s closed it', async (closer) => {
    await using pair = await open();
    const ears = { client: ear(pair.client), server: ear(pair.server) };
    pair[closer].send('last words');
    pair[closer].close(4400, 'because');
    pair[closer].close(4500, 'too late');
    await ears.client.until((heard) => heard.endings.length > 0);
    await ears.server.until((heard) => heard.endings.length > 0);
    pair[closer].terminate();
    await new Promise((resolve) => setImmediate(resolve));
    expect(ears.client.endings).toEqual([{ code: 4400, reason: 'because' }]);
    expect(ears.server.endings).toEqual([{ code: 4400, reason: 'because' }]);
    expect(ears[closer === 'client' ? 'server' : 'client'].frames).toEqual([{ text: 'last words', bytes: 10 }]);
  });

  it('neither sends nor hears anything after it was closed', async () => {
    await using pair = await open();
    const [atClient, atServer] = [ear(pair.client), ear(pair.server)];
    pair.server.send('under way');
    pair.client.close(1000, '');
    pair.client.send('never');
    await atServer.until((heard) => heard.endings.length > 0);
    await atClient.until((heard) => heard.endings.length > 0);
    pair.client.send('never');
    expect(atServer.frames).toEqual([]);
    expect(atClient.frames).toEqual([]);
  });

  it('does not call `closed` inside `close` or `terminate`', async () => {
    await using pair = await open();
    const [atClient, atServer] = [ear(pair.client), ear(pair.server)];
    pair.client.close(1000, '');
    pair.server.terminate();
    expect([...atClient.endings, ...atServer.endings]).toEqual([]);
  });

  it('reports 1006 at both ends when one cuts the connection', async () => {
    await using pair = await open();
    const [atClient, atServer] = [ear(pair.client), ear(pair.server)];
    pair.server.terminate();
    await atClient.until((heard) => heard.endings.length > 0);
    await atServer.until((heard) => heard.endings.length > 0);
    expect(atClient.endings).toEqual([{ code: 1006, reason: '' }]);
    expect(atServer.endings).toEqual([{ code: 1006, reason: '' }]);
  });

  it('carries a frame of exactly 1 MiB and closes with 4413 on one that is larger', async () => {
    await using pair = await open();
    const [atClient, atServer] = [ear(pair.client), ear(pair.server)];
    pair.client.send('x'.repeat(LIMITS.frameBytes));
    pair.client.send('x'.repeat(LIMITS.frameBytes + 1));
    await atServer.until((heard) => heard.endings.length > 0);
    await atClient.until((heard) => heard.endings.length > 0);
    expect(atServer.frames.map(({ bytes }) => bytes)).toEqual([LIMITS.frameBytes]);
    expect(atServer.endings[0]?.code).toBe(4413);
    expect(atClient.endings[0]?.code).toBe(4413);
  });

  it('cuts a reason that does not fit into a close frame at a character', async () => {
    await using pair = await open();
    const [, atServer] = [ear(pair.client), ear(pair.server)];
    pair.client.close(4500, '€'.repeat(100));
    await atServer.until((heard) => heard.endings.length > 0);
    expect(atServer.endings).toEqual([{ code: 4500, reason: '€'.repeat(41) }]);
  });

  it('shows what has not left yet, and nothing once it has arrived', async () => {
    await using pair = await open();
    const [, atServer] = [ear(pair.client), ear(pair.server)];
    for (let n = 0; n < 64; n += 1) pair.client.send('x'.repeat(500_000));
    expect(pair.client.bufferedBytes).toBeGreaterThan(0);
    await atServer.until((heard) => heard.frames.length === 64);
    expect(pair.client.bufferedBytes).toBe(0);
  });
});
