import { get } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { recordingLogger, testClock } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import { sendEvents } from '../../src/api/sse.ts';
import type { ServerEvent } from '../../src/api/sse.ts';

/** A server with one stream, and a reader of it. */
async function streaming(source: (signal: AbortSignal) => AsyncIterable<ServerEvent>) {
  const clock = testClock();
  const logger = recordingLogger();
  const app = Fastify({ forceCloseConnections: true });
  app.get('/stream', (request, reply) =>
    sendEvents(request, reply, { clock, logger, onFailure: () => ({ eventType: 'error' }) }, source),
  );
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const open = (): Promise<{ request: ClientRequest; response: IncomingMessage }> =>
    new Promise((resolve, reject) => {
      const request = get({ port, host: '127.0.0.1', path: '/stream' }, (response) => {
        resolve({ request, response });
      });
      request.on('error', reject);
    });
  return { clock, logger, open, app, [Symbol.asyncDispose]: () => app.close() };
}

describe('an event stream', () => {
  test('stops its source and its heartbeat when the reader leaves', async () => {
    let ended = false;
    await using server = await streaming(async function* (signal) {
      try {
        yield { data: 1 };
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
      } finally {
        ended = true;
      }
    });
    const { request, response } = await server.open();
    const chunk = await new Promise<string>((resolve) => {
      response.once('data', (data: Buffer) => resolve(data.toString()));
    });
    expect(chunk).toBe('data: 1\n\n');
    expect(server.clock.pendingTimers).toBe(1);
    response.on('error', () => undefined);
    request.destroy();
    await expect.poll(() => ended).toBe(true);
    await expect.poll(() => server.clock.pendingTimers).toBe(0);
  });

  test('asks for no more than its slow reader takes, and heartbeats do not pile up either', async () => {
    let made = 0;
    await using server = await streaming(async function* (signal) {
      while (!signal.aborted) {
        made += 1;
        yield await Promise.resolve({ data: 'x'.repeat(64 * 1024) });
      }
    });
    const { request, response } = await server.open();
    response.on('error', () => undefined);
    response.pause();
    let before = -1;
    await expect
      .poll(
        () => {
          const still = made === before;
          before = made;
          return still;
        },
        { interval: 100, timeout: 10_000 },
      )
      .toBe(true);
    expect(made).toBeLessThan(500);
    await server.clock.advance(600_000);
    expect(made).toBeLessThan(500);
    request.destroy();
  });

  test('that fails says so in its last event, and in the log without what was in it', async () => {
    await using server = await streaming(async function* () {
      yield await Promise.resolve({ id: '7', data: { a: 1 } });
      throw new Error('the store went away');
    });
    const { response } = await server.open();
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(text).toBe('id: 7\ndata: {"a":1}\n\ndata: {"eventType":"error"}\n\n');
    expect(server.logger.text()).toContain('the store went away');
    await expect.poll(() => server.clock.pendingTimers).toBe(0);
  });
});
