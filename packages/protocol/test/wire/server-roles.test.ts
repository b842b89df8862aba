import { describe, expect, it } from 'vitest';
import { Place, World } from './server-world.ts';

describe('two instances of one agentId', () => {
  it('keeps the incumbent active and the rival standby while both live', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    await world.clock.advance(600_000);
    expect([one.role, two.role]).toEqual(['active', 'standby']);
    expect(two.of('level.begin')).toEqual([]);
    expect(one.closed).toBeUndefined();
    expect(world.bridge.connected('agent-1').map((agent) => agent.role)).toEqual(['active', 'standby']);
  });

  it('promotes the rival, with a higher epoch and a level, as soon as the incumbent is gone', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    await world.settle();
    one.wire.client.close(1000, 'leaving');
    await world.settle();
    expect(two.role).toBe('active');
    expect(two.epoch).toBe(one.epoch + 1);
    expect(two.frames.slice(-3).map((frame) => frame.type)).toEqual(['role', 'level.begin', 'level.end']);
    expect(world.events).toContain('changed active');
  });

  it('promotes the rival at once even when the other processes cannot be told', async () => {
    await using world = new World({
      bridge: { bus: { publish: () => Promise.reject(new Error('away')), subscribe: () => () => undefined } },
    });
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    await world.settle();
    one.wire.cut('server');
    await world.settle();
    expect(two.role).toBe('active');
    expect(world.logger.text()).toContain('other control-plane processes could not be told');
  });

  it('gives back what was granted to a socket that closed while the store was thinking', async () => {
    const answers: (() => void)[] = [];
    await using world = new World({
      agents: (book) => ({
        ...book,
        claim: async (claim, ms) => {
          await new Promise<void>((resolve) => answers.push(resolve));
          return book.claim(claim, ms);
        },
      }),
    });
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    one.wire.cut('server');
    await world.settle();
    const two = world.puppet({ place });
    await world.settle();
    while (two.role === undefined && answers.length > 0) {
      answers.shift()?.();
      await world.settle();
    }
    expect(two.role).toBe('active');
    expect(world.events).toEqual(['connected active']);
  });

  it('pings a silent incumbent when a rival comes and promotes the rival five seconds later', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    one.wire.halfOpen('both');
    const two = world.puppet({ place });
    await world.clock.advance(4_999);
    expect(two.role).toBe('standby');
    await world.clock.advance(1);
    expect(two.role).toBe('active');
    expect(world.events).toContain('disconnected 4408');
  });

  it('promotes a rival that has waited for long within 15 seconds of the death of the incumbent', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    await world.clock.advance(3_600_000);
    one.wire.halfOpen('both');
    await world.clock.advance(15_000);
    expect(two.role).toBe('active');
  });

  it('does not listen to a standby about runs', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    const runId = world.trigger();
    await world.settle();
    expect(one.started).toEqual([runId]);
    expect(two.started).toEqual([]);
    two.send({ type: 'refused', epoch: two.epoch, runId, code: 'x', message: 'x' });
    await world.settle();
    expect(world.ignored).toEqual(['not_active']);
    expect(world.state(runId)).toBe('running');
  });

  it('does not listen to what was said under an older epoch', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    one.send({ type: 'observed', epoch: 0, observation: { presence: 'absent', runId, observedAt: 0 } });
    await world.settle();
    expect(world.ignored).toEqual(['stale_epoch']);
    expect(world.state(runId)).toBe('running');
  });

  it('hands a run that the old instance began to the new one', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    const runId = world.trigger();
    await world.settle();
    one.wire.cut('server');
    await world.settle();
    two.ends(runId, 'succeeded');
    await world.settle();
    expect(world.state(runId)).toBe('succeeded');
    expect(place.created.get(runId)).toBe(1);
  });
});

describe('the same instance', () => {
  it('replaces itself: the older socket is closed with 4409 and the epoch rises', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const again = world.puppet({ place, instanceId: one.hello.instanceId });
    await world.settle();
    expect(one.closed?.code).toBe(4409);
    expect(again.role).toBe('active');
    expect(again.epoch).toBe(2);
    await world.clock.advance(60_000);
    expect(world.bridge.connected()).toHaveLength(1);
  });

  it('replaces itself as a standby', async () => {
    await using world = new World();
    const place = new Place();
    world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    await world.settle();
    const again = world.puppet({ place, instanceId: two.hello.instanceId });
    await world.settle();
    expect(two.closed?.code).toBe(4409);
    expect(again.role).toBe('standby');
  });

  it('is not overtaken by a waiting rival when it connects again', async () => {
    await using world = new World();
    const place = new Place();
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place });
    await world.settle();
    const again = world.puppet({ place, instanceId: one.hello.instanceId });
    await world.clock.advance(30_000);
    expect([again.role, two.role]).toEqual(['active', 'standby']);
  });
});

describe('an instance of another scope', () => {
  it('is blocked while the incumbent lives', async () => {
    await using world = new World();
    world.puppet({ place: new Place('here') });
    await world.settle();
    const there = world.puppet({ place: new Place('there') });
    await world.clock.advance(60_000);
    expect(there.role).toBe('blocked');
    expect(there.of('welcome')[0]?.reason).toMatch(/another scope/);
  });

  it('is promoted when the incumbent is gone and nothing is open in its scope', async () => {
    await using world = new World();
    const here = world.puppet({ place: new Place('here') });
    await world.settle();
    const there = world.puppet({ place: new Place('there') });
    await world.settle();
    here.wire.client.close(1000, 'leaving');
    await world.settle();
    expect(there.role).toBe('active');
  });

  it('stays blocked while a run is open in the old scope, and is released when that run closes', async () => {
    await using world = new World();
    const here = world.puppet({ place: new Place('here') });
    await world.settle();
    const there = world.puppet({ place: new Place('there') });
    const runId = world.trigger();
    await world.settle();
    here.wire.client.close(1000, 'leaving');
    await world.clock.advance(60_000);
    expect(there.role).toBe('blocked');
    await world.runs.update(runId, (row) => row && { ...row, state: 'failed', endedAt: world.clock.now() });
    await world.clock.advance(6_000);
    expect(there.role).toBe('active');
  });

  it('is promoted when an administrator releases the scope, and cannot lose the old runs', async () => {
    await using world = new World();
    const here = world.puppet({ place: new Place('here') });
    await world.settle();
    const there = world.puppet({ place: new Place('there') });
    const runId = world.trigger();
    await world.settle();
    here.wire.client.close(1000, 'leaving');
    await world.settle();
    world.agents.releaseScope('agent-1');
    await world.clock.advance(6_000);
    expect(there.role).toBe('active');
    await world.clock.advance(120_000);
    expect(world.state(runId)).toBe('running');
  });
});

describe('two control-plane processes', () => {
  it('challenge an incumbent on the other one, and promote the rival when it is silent', async () => {
    await using world = new World();
    const place = new Place();
    const other = world.replica('replica-2');
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place }, other);
    await world.clock.advance(600_000);
    expect([one.role, two.role]).toEqual(['active', 'standby']);
    one.wire.halfOpen('both');
    await world.clock.advance(15_000);
    expect(two.role).toBe('active');
    expect(two.epoch).toBeGreaterThan(one.epoch);
  });

  it('promote a rival within 15 seconds when the other process dies without a word', async () => {
    await using world = new World();
    const place = new Place();
    // Holds the activity and never renews it: what is left of a process that was killed.
    const lost = { agentId: 'agent-1', instanceId: 'dead', sessionId: 'dead', replicaId: 'dead', scopeId: place.id };
    await world.agents.claim(lost, 12_000);
    const two = world.puppet({ place });
    await world.clock.advance(11_000);
    expect(two.role).toBe('standby');
    await world.clock.advance(4_000);
    expect(two.role).toBe('active');
  });

  it('close the older socket of an instance that connected to the other process', async () => {
    await using world = new World();
    const place = new Place();
    const other = world.replica('replica-2');
    const one = world.puppet({ place });
    await world.settle();
    const again = world.puppet({ place, instanceId: one.hello.instanceId }, other);
    await world.clock.advance(5_000);
    expect(again.role).toBe('active');
    expect(one.closed?.code).toBe(4409);
    await world.clock.advance(60_000);
    expect(again.role).toBe('active');
    expect(again.closed).toBeUndefined();
  });

  it('promote a rival on the other one at once when the incumbent leaves', async () => {
    await using world = new World();
    const place = new Place();
    const other = world.replica('replica-2');
    const one = world.puppet({ place });
    await world.settle();
    const two = world.puppet({ place }, other);
    await world.settle();
    one.wire.client.close(1000, 'leaving');
    await world.settle();
    expect(two.role).toBe('active');
  });

  it('pass a nudge on to where the socket is', async () => {
    await using world = new World();
    const other = world.replica('replica-2');
    const agent = world.puppet({}, other);
    await world.settle();
    const runId = world.submit();
    world.bridge.nudge('agent-1');
    await world.settle();
    expect(agent.started).toEqual([runId]);
  });

  it('ask again after messages between them may have been lost', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.submit();
    const levels = agent.of('level.begin').length;
    world.bus.gap();
    await world.clock.advance(5_000);
    expect(agent.of('level.begin').length).toBe(levels + 1);
    expect(agent.started).toEqual([runId]);
  });
});

describe('a lease', () => {
  it('is kept as long as the store answers', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.clock.advance(3_600_000);
    expect([agent.role, agent.epoch]).toEqual(['active', 1]);
  });

  it('ends the session with 4503 when the store cannot be asked for as long as it lasts', async () => {
    let away = false;
    await using world = new World({
      agents: (book) => ({
        ...book,
        renewMany: (claims, ms) => (away ? Promise.reject(new Error('away')) : book.renewMany!(claims, ms)),
      }),
    });
    const agent = world.puppet();
    await world.clock.advance(20_000);
    away = true;
    await world.clock.advance(7_000);
    expect(agent.closed).toBeUndefined();
    await world.clock.advance(9_000);
    expect(agent.closed?.code).toBe(4503);
    expect(world.logger.records.filter((record) => record.message === 'leases cannot be renewed')).toHaveLength(1);
  });

  it('starts nothing once it has run out, even before the session has ended', async () => {
    let hangs = false;
    await using world = new World({
      agents: (book) => ({
        ...book,
        renewMany: (claims, ms) => (hangs ? new Promise(() => undefined) : book.renewMany!(claims, ms)),
      }),
    });
    const agent = world.puppet();
    await world.settle();
    hangs = true;
    await world.clock.advance(12_000);
    world.trigger();
    await world.settle();
    expect(agent.started).toEqual([]);
  });

  it('can be renewed one by one where the book knows no other way', async () => {
    await using world = new World({
      agents: (book) => ({
        claim: (claim, ms) => book.claim(claim, ms),
        renew: (claim, ms) => book.renew(claim, ms),
        release: (claim) => book.release(claim),
      }),
    });
    const agents = Array.from({ length: 20 }, (_, n) => world.puppet({ agentId: `agent-${n}` }));
    await world.clock.advance(120_000);
    expect(agents.map((agent) => agent.role)).toEqual(agents.map(() => 'active'));
  });
});
