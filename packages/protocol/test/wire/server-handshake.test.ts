import { memoryWire } from '@runner/protocol/memory';
import { describe, expect, it } from 'vitest';
import { Puppet, World } from './server-world.ts';

describe('handshake', () => {
  it('welcomes an agent with its role, its epoch and a level', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    expect(agent.frames.map((frame) => frame.type)).toEqual(['welcome', 'level.begin', 'level.end']);
    expect(agent.frames[0]).toMatchObject({
      role: 'active',
      epoch: 1,
      minor: 0,
      controlPlaneId: '2f6d7c1e-90ab-4cde-8f01-23456789abcd',
      timings: { heartbeatMs: 15_000, silenceMs: 40_000 },
    });
    expect(world.events).toEqual(['connected active']);
    expect(world.bridge.connected('agent-1')).toMatchObject([{ agentId: 'agent-1', role: 'active', draining: false }]);
  });

  it('answers a newer minor version with its own', async () => {
    await using world = new World();
    const wire = memoryWire({ clock: world.clock });
    world.bridge.accept(wire.server, { subject: 'bot' });
    const agent = new Puppet(world, wire, { manual: true });
    await world.settle();
    agent.frames.length = 0;
    const other = memoryWire({ clock: world.clock });
    world.bridge.accept(other.server, { subject: 'bot' });
    const seen: string[] = [];
    other.client.listen({ message: (text) => seen.push(text ?? ''), closed: () => undefined });
    other.client.send(
      JSON.stringify({ ...agent.hello, agentId: 'newer', minor: 7, novelty: true, capabilities: ['x'] }),
    );
    await world.settle();
    expect(JSON.parse(seen[0]!)).toMatchObject({ type: 'welcome', minor: 0, capabilities: [] });
  });

  it('closes with 4428 when no hello comes within ten seconds', async () => {
    await using world = new World();
    const wire = memoryWire({ clock: world.clock });
    let closed: number | undefined;
    world.bridge.accept(wire.server, { subject: 'bot' });
    wire.client.listen({ message: () => undefined, closed: (code) => (closed = code) });
    await world.clock.advance(9_999);
    expect(closed).toBeUndefined();
    await world.clock.advance(1);
    expect(closed).toBe(4428);
    expect(world.events).toEqual([]);
  });

  it.each([
    ['another frame before hello', '{"type":"draining"}', 4400],
    ['text that is no JSON', '{', 4400],
    ['an array', '[]', 4400],
    ['a required frame of a newer version', '{"type":"new","required":true}', 4406],
    ['hello with a broken field', '{"type":"hello","minor":"0"}', 4400],
  ])('closes on %s', async (_, text, code) => {
    await using world = new World();
    const wire = memoryWire({ clock: world.clock });
    world.bridge.accept(wire.server, { subject: 'bot' });
    let closed: number | undefined;
    wire.client.listen({ message: () => undefined, closed: (got) => (closed = got) });
    wire.client.send(text);
    await world.settle();
    expect(closed).toBe(code);
  });

  it('ignores an optional frame of a newer version', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.sendText('{"type":"weather","sky":"blue"}');
    await world.settle();
    expect(agent.closed).toBeUndefined();
    expect(world.ignored).toEqual(['unknown_type']);
  });

  it('refuses an agentId that the token does not allow', async () => {
    await using world = new World();
    const wire = memoryWire({ clock: world.clock });
    world.bridge.accept(wire.server, { subject: 'bot', agentIds: ['somebody'] });
    const agent = new Puppet(world, wire, {});
    await world.settle();
    expect(agent.closed?.code).toBe(4403);
    expect(world.bridge.connected()).toEqual([]);
  });

  it('closes on a second hello', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.send(agent.hello);
    await world.settle();
    expect(agent.closed?.code).toBe(4400);
    expect(world.events.at(-1)).toBe('disconnected 4400');
  });

  it('closes with 4503 when the store cannot say who is active', async () => {
    await using world = new World({
      agents: (book) => ({ ...book, claim: () => Promise.reject(new Error('the store is away')) }),
    });
    const agent = world.puppet();
    await world.settle();
    expect(agent.closed?.code).toBe(4503);
    expect(world.events).toEqual([]);
  });

  it('closes with 4503 when the store does not answer who is active within ten seconds', async () => {
    await using world = new World({ agents: (book) => ({ ...book, claim: () => new Promise(() => undefined) }) });
    const agent = world.puppet();
    await world.clock.advance(10_000);
    expect(agent.closed?.code).toBe(4503);
  });

  it('says goodbye to everybody when it closes, and takes in nobody after', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const closing = world.bridge.close();
    await world.settle();
    await closing;
    expect(agent.closed?.code).toBe(1001);
    const late = world.puppet();
    await world.settle();
    expect(late.closed?.code).toBe(1001);
  });

  it('leaves no timer behind', async () => {
    const world = new World();
    for (let n = 0; n < 20; n += 1) world.puppet({ agentId: `agent-${n}` });
    await world.clock.advance(100_000);
    await world[Symbol.asyncDispose]();
    expect(world.clock.pendingTimers).toBe(0);
  });
});

describe('a token that is revoked while its agent is connected', () => {
  it('ends that agent with 4410 and no other', async () => {
    await using world = new World();
    const one = world.puppet();
    const other = world.puppet({ agentId: 'agent-2' });
    await world.settle();
    world.bridge.disconnect('agent-1', 'revoked');
    await world.settle();
    expect(one.closed?.code).toBe(4410);
    expect(other.closed).toBeUndefined();
  });

  it('ends only the sessions that match', async () => {
    await using world = new World();
    const one = world.puppet();
    const two = world.puppet();
    await world.settle();
    world.bridge.disconnect('agent-1', 'revoked', (agent) => agent.instanceId === two.hello.instanceId);
    await world.settle();
    expect(two.closed?.code).toBe(4410);
    expect(one.closed).toBeUndefined();
  });
});

describe('silence', () => {
  it('is noticed within 45 seconds on a half-open socket, whatever the wall clock does', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.wire.halfOpen('both');
    world.clock.stepWall(-3_600_000);
    await world.clock.advance(39_999);
    expect(world.bridge.connected()).toHaveLength(1);
    await world.clock.advance(5_001);
    expect(world.bridge.connected()).toHaveLength(0);
    expect(world.events.at(-1)).toBe('disconnected 4408');
  });

  it('is not assumed of an agent that answers pings', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.clock.advance(3_600_000);
    expect(agent.closed).toBeUndefined();
    expect(agent.of('ping').length).toBeGreaterThan(190);
    expect(agent.of('ping').length).toBeLessThan(310);
  });

  it('pings with jitter, so that agents do not answer in step', async () => {
    await using world = new World();
    const agent = world.puppet();
    const at: number[] = [];
    for (let second = 0; second < 600; second += 1) {
      const before = agent.of('ping').length;
      await world.clock.advance(1_000);
      if (agent.of('ping').length > before) at.push(second);
    }
    const gaps = new Set(at.slice(1).map((time, index) => time - at[index]!));
    expect(gaps.size).toBeGreaterThan(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(11);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(19);
  });
});

describe('too many frames', () => {
  it('closes with 4429, but not before the promised burst', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const draining = { type: 'draining' } as const;
    for (let n = 0; n < 19_990; n += 1) agent.send(draining);
    await world.settle();
    expect(agent.closed).toBeUndefined();
    for (let n = 0; n < 20; n += 1) agent.send(draining);
    await world.settle();
    expect(agent.closed?.code).toBe(4429);
  });
});
