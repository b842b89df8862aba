import { describe, expect, it } from 'vitest';
import { Place, World } from './server-world.ts';

const MINUTE = 72_000;

describe('levels', () => {
  it('are stated again every minute with jitter, however quiet it is', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.clock.advance(600_000);
    const levels = agent.of('level.begin').map((frame) => frame.levelId);
    expect(levels.length).toBeGreaterThanOrEqual(9);
    expect(levels.length).toBeLessThanOrEqual(13);
    expect(new Set(levels).size).toBe(levels.length);
  });

  it('name what was offered and is open, in pages of at most 500, and nothing that was never offered', async () => {
    await using world = new World();
    for (let n = 0; n < 1_201; n += 1) {
      const runId = world.submit();
      await world.runs.update(runId, (row) => row && { ...row, offered: true });
    }
    world.submit();
    const agent = world.puppet({ manual: true });
    await world.settle();
    expect(agent.of('level.page').map((page) => page.runs.length)).toEqual([500, 500, 201]);
    expect(agent.of('level.end')[0]?.total).toBe(1_201);
  });

  it('stand as one block: no start and no cancel comes between begin and end', async () => {
    await using world = new World();
    const agent = world.puppet();
    for (let n = 0; n < 20; n += 1) {
      const runId = world.trigger();
      await world.clock.advance(9_000);
      if (n % 2 === 0) world.cancel(runId);
    }
    let open = false;
    for (const frame of agent.frames) {
      if (frame.type === 'level.begin') open = true;
      if (frame.type === 'level.end') open = false;
      if (frame.type === 'start' || frame.type === 'cancel') expect(open).toBe(false);
    }
    expect(agent.of('start')).toHaveLength(20);
  });

  it('come one at a time: an agent that is slow to answer is not asked again at once', async () => {
    await using world = new World();
    const agent = world.puppet({ manual: true });
    await world.clock.advance(3 * MINUTE);
    expect(agent.of('level.begin')).toHaveLength(1);
    await world.clock.advance(5 * MINUTE);
    expect(agent.of('level.begin').length).toBeGreaterThan(1);
  });

  it('listen to no report but that of the last level', async () => {
    await using world = new World();
    const agent = world.puppet({ manual: true });
    await world.settle();
    agent.send({ type: 'report.begin', epoch: 1, levelId: 'another' });
    agent.send({ type: 'report.page', epoch: 1, levelId: 'another', observations: [] });
    agent.send({ type: 'report.end', epoch: 1, levelId: 'another', total: 0 });
    await world.settle();
    expect(world.ignored).toEqual(['unknown_level', 'unknown_level', 'unknown_level']);
    expect(agent.closed).toBeUndefined();
  });

  it('listen to no page before its report begins', async () => {
    await using world = new World();
    const runId = world.submit();
    await world.runs.update(runId, (row) => row && { ...row, offered: true, accepted: true, scopeId: 'place-1' });
    const agent = world.puppet({ manual: true });
    await world.settle();
    const { levelId } = agent.of('level.begin')[0]!;
    const observations = [agent.place.observe(runId, 1)];
    agent.send({ type: 'report.page', epoch: 1, levelId, observations });
    agent.send({ type: 'report.end', epoch: 1, levelId, total: 1 });
    await world.settle();
    expect(world.ignored).toEqual(['unknown_level', 'unknown_level']);
    expect(world.state(runId)).toBe('queued');
  });

  it('close the session when a report does not end', async () => {
    await using world = new World({ bridge: { timings: { heartbeatMs: 15_000, silenceMs: 40_000 } } });
    const agent = world.puppet({ manual: true });
    await world.settle();
    const { levelId } = agent.of('level.begin')[0]!;
    agent.send({ type: 'report.begin', epoch: 1, levelId });
    const observations = Array.from({ length: 500 }, (_, n) => ({
      presence: 'absent' as const,
      runId: `00000000-0000-4000-8000-${String(n).padStart(12, '9')}`,
      observedAt: 1,
    }));
    for (let page = 0; page <= 200 && agent.closed === undefined; page += 1) {
      agent.send({ type: 'report.page', epoch: 1, levelId, observations });
      await world.settle();
    }
    await world.settle();
    expect(agent.closed?.code).toBe(4400);
  });
});

describe('a level repairs what was lost', () => {
  it('a start that was offered by a process which died before it sent it', async () => {
    await using world = new World();
    const runId = world.submit();
    await world.runs.update(runId, (row) => row && { ...row, offered: true });
    const agent = world.puppet();
    await world.settle();
    expect(agent.started).toEqual([runId]);
    expect(world.state(runId)).toBe('running');
  });

  it('an acceptance: the start is sent again, and adopted without a second workload', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.forgets.add('accepted');
    const runId = world.trigger();
    await world.settle();
    expect(world.row(runId)).toMatchObject({ state: 'queued', accepted: false });
    agent.forgets.clear();
    await world.clock.advance(MINUTE);
    expect(agent.started).toEqual([runId, runId]);
    expect(world.row(runId)).toMatchObject({ state: 'running', accepted: true });
    expect(agent.place.created.get(runId)).toBe(1);
  });

  it('an acceptance of a run that holds the last slot: its start needs no credit', async () => {
    await using world = new World();
    const agent = world.puppet({ total: 1 });
    await world.settle();
    agent.forgets.add('accepted');
    const runId = world.trigger();
    await world.settle();
    agent.forgets.clear();
    await world.clock.advance(MINUTE);
    expect(agent.slots.free).toBe(0);
    expect(world.row(runId)).toMatchObject({ state: 'running', accepted: true });
    expect(agent.place.created.get(runId)).toBe(1);
  });

  it('a refusal', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.answer = ({ runId }) => ({ type: 'refused', epoch: 1, runId, code: 'no', message: 'no' });
    agent.forgets.add('refused');
    const runId = world.trigger();
    await world.settle();
    expect(world.state(runId)).toBe('queued');
    agent.forgets.clear();
    await world.clock.advance(MINUTE);
    expect(world.state(runId)).toBe('refused');
  });

  it('an outcome', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    agent.place.end(runId, 'failed');
    await world.clock.advance(MINUTE);
    expect(world.state(runId)).toBe('failed');
    expect(agent.of('recorded').flatMap((frame) => frame.runIds)).toEqual([runId]);
  });

  it('a cancel that nobody told the bridge of', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    world.runs.cancel(runId);
    await world.clock.advance(MINUTE);
    expect(world.state(runId)).toBe('cancelled');
    expect(agent.place.workloads.get(runId)?.phase).toBe('ended');
  });

  it('a run that nobody told the bridge of', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.submit();
    await world.clock.advance(MINUTE);
    expect(agent.started).toEqual([runId]);
  });

  it('runs that ended while the control plane was away', async () => {
    await using world = new World();
    const place = new Place();
    const agent = world.puppet({ place });
    await world.settle();
    const runIds = [world.trigger(), world.trigger(), world.trigger()];
    await world.settle();
    agent.wire.cut('both');
    await world.settle();
    place.end(runIds[0]!, 'succeeded');
    place.end(runIds[1]!, 'failed');
    await world.clock.advance(600_000);
    world.puppet({ place });
    await world.settle();
    expect(runIds.map((runId) => world.state(runId))).toEqual(['succeeded', 'failed', 'running']);
  });

  it('a workload that somebody removed: an accepted run is lost, and says so', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    agent.place.workloads.delete(runId);
    await world.clock.advance(MINUTE);
    expect(world.row(runId)).toMatchObject({ state: 'lost', diagnosis: { code: 'lost' } });
  });

  it('does not lose a run by a report that was made before the run was accepted', async () => {
    await using world = new World();
    const agent = world.puppet({ manual: true });
    await world.settle();
    const runId = world.submit();
    await world.runs.update(runId, (row) => row && { ...row, offered: true });
    let { levelId } = agent.of('level.begin').at(-1)!;
    agent.send({ type: 'report.begin', epoch: 1, levelId });
    agent.send({ type: 'report.end', epoch: 1, levelId, total: 0 });
    await world.clock.advance(MINUTE);
    ({ levelId } = agent.of('level.begin').at(-1)!);
    expect(agent.of('level.page').at(-1)?.runs).toEqual([{ runId, want: 'run', accepted: false }]);
    const stale = agent.place.observe(runId, 1);
    agent.place.create(runId);
    agent.send({ type: 'accepted', epoch: 1, runId, created: true, observation: agent.place.observe(runId, 2) });
    agent.send({ type: 'report.begin', epoch: 1, levelId });
    agent.send({ type: 'report.page', epoch: 1, levelId, observations: [stale] });
    agent.send({ type: 'report.end', epoch: 1, levelId, total: 1 });
    await world.settle();
    expect(world.state(runId)).toBe('running');
  });
});

describe('strays', () => {
  it('are adopted into new rows when the store was restored from an older copy', async () => {
    await using world = new World();
    const place = new Place();
    const agent = world.puppet({ place });
    await world.settle();
    const [running, done] = [world.trigger(), world.trigger()];
    await world.settle();
    agent.wire.cut('both');
    place.end(done, 'succeeded');
    world.runs.remove(running);
    world.runs.remove(done);
    const again = world.puppet({ place });
    await world.settle();
    expect([world.state(running), world.state(done)]).toEqual(['running', 'succeeded']);
    expect(again.started).toEqual([]);
    expect(again.of('recorded').flatMap((frame) => frame.runIds)).toEqual([done]);
    again.ends(running, 'failed');
    await world.settle();
    expect(world.state(running)).toBe('failed');
    expect(place.created.get(running)).toBe(1);
  });

  it('of a row that the older copy knows as queued get their start, and are adopted by it', async () => {
    await using world = new World();
    const place = new Place();
    const runId = world.submit();
    place.create(runId);
    const agent = world.puppet({ place, total: 1 });
    await world.settle();
    expect(agent.started).toEqual([runId]);
    expect(world.row(runId)).toMatchObject({ state: 'running', accepted: true });
    expect(place.created.get(runId)).toBe(1);
  });

  it('under a row that was given up reopen it', async () => {
    await using world = new World();
    const place = new Place();
    const runId = world.submit();
    place.create(runId);
    await world.runs.update(
      runId,
      (row) =>
        row && {
          ...row,
          offered: true,
          accepted: true,
          scopeId: place.id,
          state: 'lost',
          writtenBy: 'runner',
          endedAt: world.clock.now(),
          goneAt: world.clock.now(),
        },
    );
    world.puppet({ place });
    await world.settle();
    expect(world.state(runId)).toBe('running');
  });

  it('under a row that a user cancelled are ended in place', async () => {
    await using world = new World();
    const place = new Place();
    const runId = world.submit();
    place.create(runId);
    world.runs.cancel(runId);
    expect(world.state(runId)).toBe('cancelled');
    const agent = world.puppet({ place });
    await world.settle();
    expect(agent.of('cancel').map((frame) => frame.runId)).toContain(runId);
    expect(world.row(runId)).toMatchObject({
      state: 'cancelled',
      writtenBy: 'runner',
      outcome: { result: 'cancelled' },
    });
  });

  it('whose outcome is stored already are only confirmed, in every session anew', async () => {
    await using world = new World();
    const place = new Place();
    const agent = world.puppet({ place });
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    agent.ends(runId, 'succeeded');
    await world.settle();
    const before = world.row(runId);
    agent.wire.cut('both');
    const again = world.puppet({ place });
    await world.settle();
    expect(again.of('recorded').flatMap((frame) => frame.runIds)).toEqual([runId]);
    expect(world.row(runId)).toBe(before);
  });

  it('are said at once, and written at once', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = '6f1c2b9e-3a4d-4e5f-8a6b-7c8d9e0f1a2b';
    agent.place.create(runId);
    agent.observed(runId);
    await world.settle();
    expect(world.state(runId)).toBe('running');
    expect(agent.started).toEqual([]);
  });

  it('that are seen at once need no level to get their start, nor a free slot', async () => {
    await using world = new World();
    const agent = world.puppet({ total: 1 });
    await world.settle();
    const runId = world.submit();
    agent.place.create(runId);
    agent.send({ type: 'slots', slots: agent.slots });
    agent.observed(runId);
    await world.settle();
    expect(agent.started).toEqual([runId]);
    expect(world.row(runId)).toMatchObject({ state: 'running', accepted: true });
  });

  it('of another agent are not listened to, even when its runId is known', async () => {
    await using world = new World();
    const runId = world.submit({}, 'agent-2');
    const agent = world.puppet();
    await world.settle();
    agent.place.create(runId);
    agent.observed(runId);
    await world.clock.advance(MINUTE);
    expect(world.row(runId)).toMatchObject({ state: 'queued', agentId: 'agent-2' });
    expect(new Set(world.ignored)).toEqual(new Set(['foreign_run']));
    expect(agent.started).toEqual([]);
  });
});

describe('the store', () => {
  it('that is away ends the session with 4503, and nothing is lost', async () => {
    let away = false;
    await using world = new World({
      runs: (book) => ({
        ...book,
        open: (agentId) => (away ? Promise.reject(new Error('away')) : book.open(agentId)),
        update: (runId, change) => (away ? Promise.reject(new Error('away')) : book.update(runId, change)),
      }),
    });
    const place = new Place();
    const agent = world.puppet({ place });
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    away = true;
    agent.ends(runId, 'succeeded');
    await world.settle();
    expect(agent.closed?.code).toBe(4503);
    expect(world.state(runId)).toBe('running');
    away = false;
    world.puppet({ place });
    await world.settle();
    expect(world.state(runId)).toBe('succeeded');
  });

  it('that is slow for one agent slows no other', async () => {
    await using world = new World({
      runs: (book) => ({
        ...book,
        open: (agentId) => (agentId === 'slow' ? new Promise(() => undefined) : book.open(agentId)),
      }),
    });
    world.puppet({ agentId: 'slow' });
    const fast = world.puppet({ agentId: 'fast' });
    await world.settle();
    const runId = world.trigger({}, 'fast');
    world.bridge.nudge('fast');
    await world.settle();
    expect(fast.started).toEqual([runId]);
  });

  it('that hangs does not let the memory of an agent grow without end: its session is closed with 4503', async () => {
    await using world = new World({
      runs: (book) => ({ ...book, update: () => new Promise(() => undefined) }),
      bridge: { timings: { heartbeatMs: 15_000, silenceMs: 40_000 } },
    });
    const agent = world.puppet();
    await world.settle();
    const runId = '6f1c2b9e-3a4d-4e5f-8a6b-7c8d9e0f1a2b';
    agent.place.create(runId);
    for (let n = 0; n < 5_100; n += 1) agent.observed(runId);
    await world.settle();
    expect(agent.closed?.code).toBe(4503);
  });

  it('is not asked to write what it knows already', async () => {
    let writes = 0;
    await using world = new World({
      runs: (book) => ({
        ...book,
        update: (runId, change) => {
          writes += 1;
          return book.update(runId, change);
        },
      }),
    });
    world.puppet({ total: 50 });
    await world.settle();
    for (let n = 0; n < 50; n += 1) world.trigger();
    while (world.runs.all().some((row) => !row.accepted)) await world.settle();
    const before = writes;
    await world.clock.advance(10 * MINUTE);
    expect(writes).toBe(before);
  });
});
