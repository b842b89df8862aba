import { describe, expect, it } from 'vitest';
import { testClock } from '@runner/core/testing';
import { memoryWire } from '@runner/protocol/memory';
import { ear } from '../support/ear.ts';

function wire() {
  const clock = testClock();
  const made = memoryWire({ clock });
  return { clock, made, atClient: ear(made.client), atServer: ear(made.server) };
}
const texts = (heard: { readonly frames: readonly { readonly text: string | undefined }[] }): unknown[] =>
  heard.frames.map(({ text }) => text);

describe('a wire in memory', () => {
  it('delivers by hand while it is held, each direction in its own order', async () => {
    const { clock, made, atClient, atServer } = wire();
    made.hold();
    for (const text of ['a', 'b']) made.client.send(text);
    made.server.send('x');
    await clock.settle();
    expect([texts(atClient), texts(atServer), made.waiting('server'), made.waiting('client')]).toEqual([[], [], 2, 1]);
    expect(made.deliverNext('server')).toBe(true);
    expect([texts(atServer), made.client.bufferedBytes]).toEqual([['a'], 1]);
    made.release();
    await clock.settle();
    expect([texts(atServer), texts(atClient), made.deliverNext('client')]).toEqual([['a', 'b'], ['x'], false]);
  });

  it('can be cut at one end, which the other does not notice', async () => {
    const { clock, made, atClient, atServer } = wire();
    made.server.send('lost');
    made.cut('client');
    made.server.send('lost, too');
    await clock.advance(600_000);
    expect(atClient).toMatchObject({ frames: [], endings: [{ code: 1006, reason: '' }] });
    expect(atServer.endings).toEqual([]);
    // It finds out when it closes and nobody answers.
    made.server.close(4408, 'silence');
    await clock.advance(4_999);
    expect(atServer.endings).toEqual([]);
    await clock.advance(1);
    expect(atServer.endings).toEqual([{ code: 4408, reason: 'silence' }]);
  });

  it('can be half open: one direction is silent, endings included', async () => {
    const { clock, made, atClient, atServer } = wire();
    made.halfOpen('client');
    made.server.send('never heard');
    made.client.send('heard');
    made.server.close(1001, 'going away');
    await clock.advance(5_000);
    expect([texts(atClient), texts(atServer)]).toEqual([[], []]);
    expect([atClient.endings, atServer.endings]).toEqual([[], [{ code: 1001, reason: 'going away' }]]);
    made.client.close(1000, 'bye');
    await clock.advance(5_000);
    expect(atClient.endings).toEqual([{ code: 1000, reason: 'bye' }]);
  });

  it('ends once when both ends close at the same time', async () => {
    const { clock, made, atClient, atServer } = wire();
    made.client.close(1000, 'client');
    made.server.close(1001, 'server');
    await clock.advance(10_000);
    expect(atClient.endings).toEqual([{ code: 1000, reason: 'client' }]);
    expect(atServer.endings).toEqual([{ code: 1001, reason: 'server' }]);
    expect(clock.pendingTimers).toBe(0);
  });
});
