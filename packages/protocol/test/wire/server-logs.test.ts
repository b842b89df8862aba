import type { LogPiece } from '@runner/protocol/server';
import { describe, expect, it } from 'vitest';
import type { Puppet } from './server-world.ts';
import { Place, World } from './server-world.ts';

const RUN = '6f1c2b9e-3a4d-4e5f-8a6b-7c8d9e0f1a2b';
const forever = new AbortController().signal;
const ask = { runId: RUN, fromByte: 0, follow: true, signal: forever };

const opened = (agent: Puppet) => agent.of('log.open').at(-1)!;
/** Sends a chunk that follows the last one. */
const chunk = (agent: Puppet, rawFrom: number, size: number, streamId = opened(agent).streamId): void =>
  agent.send({ type: 'log.chunk', streamId, runId: RUN, rawFrom, rawTo: rawFrom + size, data: 'x'.repeat(size) });

async function collect(pieces: AsyncIterable<LogPiece>): Promise<LogPiece[]> {
  const all: LogPiece[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

describe('reading a log', () => {
  it('hands over chunks, gaps and the end in order', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const reading = collect(world.bridge.readLog('agent-1', { ...ask, fromByte: 100 }));
    await world.settle();
    expect(opened(agent)).toMatchObject({ runId: RUN, fromByte: 100, follow: true, credit: 262_144 });
    const { streamId } = opened(agent);
    agent.send({ type: 'log.chunk', streamId, runId: RUN, rawFrom: 96, rawTo: 104, data: 'half', continued: true });
    agent.send({ type: 'log.gap', streamId, runId: RUN, rawFrom: 104, rawTo: 200 });
    agent.send({ type: 'log.end', streamId, runId: RUN, rawTo: 200, reason: 'complete' });
    await world.settle();
    expect(await reading).toEqual([
      { kind: 'chunk', rawFrom: 96, rawTo: 104, data: 'half', continued: true },
      { kind: 'gap', rawFrom: 104, rawTo: 200 },
      { kind: 'end', rawTo: 200, reason: 'complete' },
    ]);
  });

  it('gives credit back as the reader reads, and not before', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const reader = world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]();
    const first = reader.next();
    await world.settle();
    for (let n = 0; n < 4; n += 1) chunk(agent, n * 65_536, 65_536);
    await world.settle();
    await first;
    expect(agent.of('log.credit')).toEqual([]);
    await reader.next();
    await world.settle();
    expect(agent.of('log.credit').map((frame) => frame.bytes)).toEqual([65_536]);
    await reader.next();
    await world.settle();
    expect(agent.of('log.credit').map((frame) => frame.bytes)).toEqual([65_536, 65_536]);
  });

  it('gives credit back in portions, not line by line', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const reader = world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]();
    const first = reader.next();
    await world.settle();
    for (let n = 0; n < 70; n += 1) chunk(agent, n * 1_000, 1_000);
    await first;
    for (let n = 0; n < 66; n += 1) await reader.next();
    await world.settle();
    expect(agent.of('log.credit').map((frame) => frame.bytes)).toEqual([66_000]);
  });

  it('ends the session of an agent that sends more than it has credit for', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    void world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]().next();
    await world.settle();
    for (let n = 0; n < 6; n += 1) chunk(agent, n * 65_536, 65_536);
    await world.settle();
    expect(agent.closed?.code).toBe(4400);
  });

  it('lets a slow reader hold up its own stream and nobody else', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const slow = world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]();
    const first = slow.next();
    await world.settle();
    const slowStream = opened(agent).streamId;
    for (let n = 0; n < 4; n += 1) chunk(agent, n * 65_536, 65_536, slowStream);
    await world.settle();
    await first;
    const reading = collect(world.bridge.readLog('agent-1', ask));
    await world.settle();
    const fastStream = opened(agent).streamId;
    let credit = 262_144;
    let sent = 0;
    for (let n = 0; n < 200; n += 1) {
      expect(credit).toBeGreaterThan(0);
      chunk(agent, n * 65_536, 65_536, fastStream);
      sent += 65_536;
      await world.settle();
      const granted = agent
        .of('log.credit')
        .reduce((sum, one) => sum + (one.streamId === fastStream ? one.bytes : 0), 0);
      credit = 262_144 + granted - sent;
    }
    agent.send({ type: 'log.end', streamId: fastStream, runId: RUN, rawTo: sent, reason: 'complete' });
    const runId = world.trigger();
    await world.settle();
    const pieces = await reading;
    expect(pieces).toHaveLength(201);
    expect(agent.of('log.credit').filter((one) => one.streamId === slowStream)).toEqual([]);
    expect(world.state(runId)).toBe('running');
  });

  it('closes the stream when the reader leaves, and what still comes of it is no fault', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const reader = world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]();
    const first = reader.next();
    await world.settle();
    const { streamId } = opened(agent);
    chunk(agent, 0, 10);
    await first;
    await reader.return?.();
    await world.settle();
    expect(agent.of('log.close').map((frame) => frame.streamId)).toEqual([streamId]);
    chunk(agent, 10, 10, streamId);
    agent.send({ type: 'log.end', streamId, runId: RUN, rawTo: 20, reason: 'closed' });
    await world.settle();
    expect(agent.closed).toBeUndefined();
    expect(world.ignored).toEqual([]);
  });

  it('ends with an error when its signal is aborted, before the beginning and in the middle', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const stop = new AbortController();
    const reader = world.bridge.readLog('agent-1', { ...ask, signal: stop.signal })[Symbol.asyncIterator]();
    const waiting = expect(reader.next()).rejects.toMatchObject({ code: 'aborted' });
    await world.settle();
    stop.abort();
    await waiting;
    await world.settle();
    expect(agent.of('log.close')).toHaveLength(1);
    const late = world.bridge.readLog('agent-1', { ...ask, signal: stop.signal })[Symbol.asyncIterator]();
    await expect(late.next()).rejects.toMatchObject({ code: 'aborted' });
    expect(agent.of('log.open')).toHaveLength(1);
  });

  it('says where to come back to when the session ends', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const reading = collect(world.bridge.readLog('agent-1', ask));
    await world.settle();
    chunk(agent, 0, 100);
    await world.settle();
    agent.wire.cut('both');
    await world.settle();
    expect((await reading).at(-1)).toEqual({ kind: 'end', rawTo: 100, reason: 'session' });
  });

  it('says where to come back to when the instance is not active any more', async () => {
    let epoch = 0;
    await using world = new World({
      agents: (book) => ({ ...book, claim: () => Promise.resolve({ role: 'active', epoch: (epoch += 1) }) }),
    });
    const place = new Place();
    const agent = world.puppet({ place });
    await world.settle();
    const reading = collect(world.bridge.readLog('agent-1', ask));
    await world.settle();
    world.puppet({ place });
    await world.settle();
    expect(agent.role).toBe('standby');
    expect(agent.of('log.close')).toHaveLength(1);
    expect(await reading).toEqual([{ kind: 'end', rawTo: 0, reason: 'session' }]);
  });

  it('says so when no instance is active here', async () => {
    await using world = new World();
    expect(await collect(world.bridge.readLog('nobody', { ...ask, fromByte: 7 }))).toEqual([
      { kind: 'end', rawTo: 7, reason: 'session' },
    ]);
  });

  it('opens at most 256 streams in a session, and one more when another has ended', async () => {
    await using world = new World();
    const place = new Place();
    const agent = world.puppet({ place });
    await world.settle();
    const readers = Array.from({ length: 256 }, () => world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]());
    const firsts = readers.map((reader) => reader.next());
    await world.settle();
    expect(agent.of('log.open')).toHaveLength(256);
    expect(await collect(world.bridge.readLog('agent-1', ask))).toMatchObject([{ kind: 'end', reason: 'unavailable' }]);
    const { streamId } = agent.of('log.open')[0]!;
    agent.send({ type: 'log.end', streamId, runId: RUN, rawTo: 0, reason: 'not_found' });
    await world.settle();
    await firsts[0];
    void world.bridge.readLog('agent-1', ask)[Symbol.asyncIterator]().next();
    await world.settle();
    expect(agent.of('log.open')).toHaveLength(257);
    expect(agent.closed).toBeUndefined();
  });

  it('does not listen to a stream that it never opened', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    chunk(agent, 0, 5, 'log-99');
    await world.settle();
    expect(world.ignored).toEqual(['unknown_stream']);
  });

  it('does not count log chunks under credit as frames: a long log is no flood', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const reading = collect(world.bridge.readLog('agent-1', ask));
    await world.settle();
    for (let n = 0; n < 25_000; n += 1) {
      chunk(agent, n, 1);
      if (n % 100 === 0) await world.clock.settle();
    }
    agent.send({ type: 'log.end', streamId: opened(agent).streamId, runId: RUN, rawTo: 25_000, reason: 'complete' });
    await world.settle();
    expect(await reading).toHaveLength(25_001);
  });
});

describe('discard', () => {
  it('is passed on to the active instance', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    world.bridge.discard('agent-1', RUN);
    world.bridge.discard('nobody', RUN);
    await world.settle();
    expect(agent.of('discard')).toEqual([{ type: 'discard', epoch: 1, runId: RUN }]);
  });
});
