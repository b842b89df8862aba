import type { AgentMessage, ControlMessage } from '@runner/protocol';
import { decodeControlMessage, encodeAgentMessage } from '@runner/protocol';
import { memoryWire } from '@runner/protocol/memory';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { World } from './server-world.ts';

describe('starts', () => {
  it('are sent as soon as the bridge is told', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger({ config: { source: { type: 'postgres' } } });
    await world.settle();
    expect(agent.of('start')).toMatchObject([{ epoch: 1, run: { runId, config: { source: { type: 'postgres' } } } }]);
    expect(world.row(runId)).toMatchObject({ state: 'running', offered: true, accepted: true, scopeId: 'place-1' });
    expect(world.events.filter((event) => event.includes('>'))).toEqual(['queued > queued', 'queued > running']);
  });

  it.each([
    [['exit.token'], 'only-for-the-exit-step'],
    [[], undefined],
  ])('carry the token of the exit step to an agent with the capabilities %j', async (capabilities, exitToken) => {
    await using world = new World();
    const agent = world.puppet({ capabilities });
    await world.settle();
    expect(agent.of('welcome')[0]?.capabilities).toEqual(capabilities);
    world.trigger({ exitToken: 'only-for-the-exit-step' });
    await world.settle();
    expect(agent.of('start').map(({ run }) => run.exitToken)).toEqual([exitToken]);
  });

  it('wait until the agent has answered its first level', async () => {
    await using world = new World();
    const runId = world.submit();
    const agent = world.puppet({ manual: true });
    await world.clock.advance(5_000);
    expect(agent.started).toEqual([]);
    const { levelId } = agent.of('level.begin')[0]!;
    agent.send({ type: 'report.begin', epoch: 1, levelId });
    agent.send({ type: 'report.end', epoch: 1, levelId, total: 0 });
    await world.settle();
    expect(agent.started).toEqual([runId]);
  });

  it('go out most urgent first', async () => {
    await using world = new World();
    const low = world.submit({ priority: -5 });
    const high = world.submit({ priority: 50 });
    const middle = world.submit();
    const agent = world.puppet();
    await world.settle();
    expect(agent.started).toEqual([high, middle, low]);
  });

  it('age: after an hour of waiting a run goes before a fresh one of sixty points more', async () => {
    await using world = new World();
    const old = world.submit({ priority: 0 });
    await world.clock.advance(3_601_000);
    const fresh = world.submit({ priority: 60 });
    const urgent = world.submit({ priority: 61 });
    const agent = world.puppet();
    await world.settle();
    expect(agent.started).toEqual([urgent, old, fresh]);
  });

  it('stop at the free slots, and go on when one becomes free', async () => {
    await using world = new World();
    const agent = world.puppet({ total: 2 });
    await world.settle();
    const runIds = [world.trigger(), world.trigger(), world.trigger()];
    await world.settle();
    expect(agent.started).toEqual(runIds.slice(0, 2));
    expect(world.state(runIds[2]!)).toBe('queued');
    expect(world.row(runIds[2]!).offered).toBe(false);
    agent.ends(runIds[0]!, 'succeeded');
    await world.settle();
    expect(agent.started).toEqual(runIds);
  });

  it('stop at the free slots of a type, and let other types pass', async () => {
    await using world = new World();
    const agent = world.puppet({ types: { profiler: { total: 1, free: 1 } }, manual: true });
    await world.settle();
    const { levelId } = agent.of('level.begin')[0]!;
    agent.send({ type: 'report.begin', epoch: 1, levelId });
    agent.send({ type: 'report.end', epoch: 1, levelId, total: 0 });
    await world.settle();
    const first = world.trigger({ pipelineType: 'profiler', priority: 9 });
    world.trigger({ pipelineType: 'profiler', priority: 8 });
    const other = world.trigger({ pipelineType: 'metadata' });
    await world.settle();
    expect(agent.started).toEqual([first, other]);
  });

  it('stop when the agent is draining', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.send({ type: 'draining' });
    await world.settle();
    world.trigger();
    await world.clock.advance(120_000);
    expect(agent.started).toEqual([]);
    expect(world.bridge.connected()[0]?.draining).toBe(true);
  });

  it('end the session of an agent that does not read them, before they fill the memory', async () => {
    await using world = new World();
    const agent = world.puppet({ total: 100 });
    await world.settle();
    agent.wire.hold();
    const config = { text: 'x'.repeat(1_000_000) };
    for (let n = 0; n < 80; n += 1) world.trigger({ config });
    while (world.bridge.connected().length > 0) await world.settle();
    expect(world.events.at(-1)).toBe('disconnected 4408');
    expect(world.runs.all().filter((row) => row.offered).length).toBeLessThan(70);
  });

  it('fail the run in words when the frame would be too large', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger({ config: { text: 'x'.repeat(1_048_576) } });
    const next = world.trigger();
    await world.settle();
    expect(world.row(runId)).toMatchObject({ state: 'failed', reason: 'frame_too_large', writtenBy: 'controlPlane' });
    expect(world.row(runId).diagnosis?.message).toMatch(/bytes/);
    expect(agent.started).toEqual([next]);
    expect(agent.closed).toBeUndefined();
  });

  it('fail the run when what it was made from is gone', async () => {
    await using world = new World({ runs: (book) => ({ ...book, start: () => Promise.resolve(undefined) }) });
    world.puppet();
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    expect(world.row(runId)).toMatchObject({ state: 'failed', reason: 'start_unavailable' });
  });

  it('are not sent for a run that is cancelled while its start is being built', async () => {
    await using world = new World({
      runs: (book) => ({
        ...book,
        start: (runId) => {
          world.runs.cancel(runId);
          return book.start(runId);
        },
      }),
    });
    const agent = world.puppet();
    await world.settle();
    const runId = world.submit();
    world.bridge.nudge('agent-1');
    await world.settle();
    expect(agent.started).toEqual([]);
    expect(world.state(runId)).toBe('cancelled');
  });

  it('close the session of an agent that claims to have seen more of them than were sent', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.startsSeen = 1;
    agent.send({ type: 'slots', slots: agent.slots });
    await world.settle();
    expect(agent.closed?.code).toBe(4400);
  });

  it('are answered with a refusal, which closes the run', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.answer = ({ runId }) => ({
      type: 'refused',
      epoch: agent.epoch,
      runId,
      code: 'policy_denied',
      message: 'This image is not allowed here.',
      hint: 'Ask the owner of the cluster.',
    });
    const runId = world.trigger();
    await world.settle();
    expect(world.row(runId)).toMatchObject({
      state: 'refused',
      reason: 'policy_denied',
      diagnosis: { message: 'This image is not allowed here.', hint: 'Ask the owner of the cluster.' },
    });
  });

  it('are sent again to an agent that had to wait, with the next level or when slots change later, and not at once', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.answer = ({ runId }) => ({ type: 'waiting', epoch: agent.epoch, runId, code: 'quota', message: 'No quota.' });
    const runId = world.trigger();
    await world.clock.advance(9_000);
    agent.send({ type: 'slots', slots: agent.slots });
    await world.settle();
    expect(agent.started).toEqual([runId]);
    expect(world.row(runId)).toMatchObject({ state: 'queued', reason: 'quota' });
    await world.clock.advance(2_000);
    agent.send({ type: 'slots', slots: agent.slots });
    await world.settle();
    expect(agent.started).toEqual([runId, runId]);
    agent.answer = undefined;
    await world.clock.advance(72_000);
    expect(agent.started).toEqual([runId, runId, runId]);
    expect(world.state(runId)).toBe('running');
    expect(world.row(runId).reason).toBeUndefined();
  });

  it('never find an agent without a free slot, however frames are delayed and whenever it counts its slots', async () => {
    const type = fc.constantFrom<'metadata' | 'profiler'>('metadata', 'profiler');
    const move = fc.oneof(
      { weight: 3, arbitrary: type.map((pipelineType) => ({ kind: 'trigger' as const, pipelineType })) },
      { weight: 3, arbitrary: fc.constant({ kind: 'to agent' as const }) },
      { weight: 3, arbitrary: fc.constant({ kind: 'to server' as const }) },
      { weight: 2, arbitrary: fc.nat().map((which) => ({ kind: 'end' as const, which })) },
      { weight: 2, arbitrary: fc.constant({ kind: 'slots' as const }) },
    );
    let started = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(move, { minLength: 30, maxLength: 80 }),
        fc.integer({ min: 1, max: 4 }),
        async (moves, total) => {
          await using world = new World();
          const agent = honest(world, total, 1);
          await world.settle();
          agent.wire.hold();
          for (const one of moves) {
            if (one.kind === 'trigger') world.trigger({ pipelineType: one.pipelineType });
            else if (one.kind === 'to agent') agent.wire.deliverNext('client');
            else if (one.kind === 'to server') agent.wire.deliverNext('server');
            else if (one.kind === 'slots') agent.say();
            else agent.end(one.which);
            await world.settle();
          }
          agent.wire.release();
          await world.settle();
          started += agent.started;
          expect(agent.overruns).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
    expect(started).toBeGreaterThan(300);
  });
});

/** An agent that counts its slots truthfully, speaks when it is told to, and notes each start that finds no free slot. */
function honest(world: World, total: number, profilers: number) {
  const wire = memoryWire();
  const held: string[] = [];
  const overruns: string[] = [];
  let startsSeen = 0;
  const free = (type?: string) => held.filter((one) => type === undefined || one === type).length;
  const slots = () => ({
    total,
    free: total - free(),
    types: { profiler: { total: profilers, free: profilers - free('profiler') } },
    startsSeen,
  });
  const send = (message: AgentMessage) => wire.client.send(encodeAgentMessage(message).text);
  const take = (message: ControlMessage): void => {
    if (message.type === 'level.end') {
      send({ type: 'report.begin', epoch: message.epoch, levelId: message.levelId });
      send({ type: 'report.end', epoch: message.epoch, levelId: message.levelId, total: 0 });
    }
    if (message.type !== 'start') return;
    const { pipelineType, runId } = message.run;
    const room = slots();
    if (room.free <= 0 || (pipelineType === 'profiler' && room.types.profiler.free <= 0)) overruns.push(runId);
    startsSeen += 1;
    held.push(pipelineType);
  };
  world.bridge.accept(wire.server, { subject: 'bot' });
  wire.client.listen({
    message: (text, bytes) => {
      const frame = decodeControlMessage(text, bytes);
      if (frame.kind !== 'ok') throw new Error('the server sent something strange');
      take(frame.message);
    },
    closed: () => undefined,
  });
  send({
    type: 'hello',
    minor: 0,
    agentId: 'agent-1',
    instanceId: world.random.uuid(),
    scope: { id: 'place-1', description: 'a place' },
    agentVersion: '0.0.0',
    executor: 'fake',
    secretsManager: 'file',
    capabilities: [],
    slots: slots(),
  });
  return {
    wire,
    overruns,
    get started() {
      return startsSeen;
    },
    say: () => send({ type: 'slots', slots: slots() }),
    end: (which: number) => {
      if (held.length > 0) held.splice(which % held.length, 1);
    },
  };
}

describe('cancel', () => {
  it('ends a run that was never offered without a word to the agent', async () => {
    await using world = new World();
    const agent = world.puppet({ total: 0 });
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    world.cancel(runId);
    await world.settle();
    expect(world.state(runId)).toBe('cancelled');
    expect(agent.of('cancel')).toEqual([]);
  });

  it('is told once, and again with every level, until the workload is verified gone', async () => {
    await using world = new World();
    const agent = world.puppet({ manual: true });
    await world.settle();
    const levelId = agent.of('level.begin')[0]!.levelId;
    agent.send({ type: 'report.begin', epoch: 1, levelId });
    agent.send({ type: 'report.end', epoch: 1, levelId, total: 0 });
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    agent.place.create(runId);
    agent.send({ type: 'accepted', epoch: 1, runId, created: true, observation: agent.place.observe(runId, 1) });
    await world.settle();
    world.cancel(runId);
    await world.settle();
    world.bridge.nudge('agent-1');
    await world.settle();
    expect(agent.of('cancel').map((frame) => frame.runId)).toEqual([runId]);
    expect(world.state(runId)).toBe('cancelling');
    await world.clock.advance(72_000);
    expect(agent.of('level.page').at(-1)?.runs).toEqual([{ runId, want: 'cancel', accepted: true }]);
    agent.place.end(runId, 'cancelled');
    agent.observed(runId);
    await world.settle();
    expect(world.state(runId)).toBe('cancelled');
    expect(agent.of('recorded').at(-1)?.runIds).toEqual([runId]);
  });

  it('is told again when the start it overtook is accepted all the same', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    agent.forgets.add('accepted');
    agent.forgets.add('cancelled');
    const runId = world.trigger();
    await world.settle();
    world.cancel(runId);
    await world.settle();
    expect(world.state(runId)).toBe('cancelled');
    expect(agent.place.created.get(runId)).toBe(1);
  });

  it.each(['succeeded', 'failed'] as const)(
    'does not change the outcome of a workload that %s first',
    async (result) => {
      await using world = new World();
      const agent = world.puppet();
      await world.settle();
      const runId = world.trigger();
      await world.settle();
      agent.ends(runId, result);
      world.cancel(runId);
      await world.settle();
      expect(world.state(runId)).toBe(result);
    },
  );
});

describe('an ending by the agent', () => {
  it('is stored before it is acknowledged', async () => {
    await using world = new World();
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    const diagnosis = { category: 'image', code: 'image_not_found', message: 'No such image.', permanent: true };
    agent.send({ type: 'ending', epoch: 1, runId, reason: 'permanent_failure', diagnosis });
    await world.settle();
    expect(world.row(runId)).toMatchObject({ state: 'running', reason: 'permanent_failure', diagnosis });
    expect(agent.of('ending.ack').map((frame) => frame.runId)).toEqual([runId]);
    agent.ends(runId, 'cancelled');
    await world.settle();
    expect(world.row(runId)).toMatchObject({ state: 'failed', diagnosis });
  });

  it('is not acknowledged when it could not be stored', async () => {
    let away = false;
    await using world = new World({
      runs: (book) => ({
        ...book,
        update: (runId, change) => (away ? Promise.reject(new Error('away')) : book.update(runId, change)),
      }),
    });
    const agent = world.puppet();
    await world.settle();
    const runId = world.trigger();
    await world.settle();
    away = true;
    agent.send({ type: 'ending', epoch: 1, runId, reason: 'start_deadline' });
    await world.settle();
    expect(agent.of('ending.ack')).toEqual([]);
    expect(agent.closed?.code).toBe(4503);
  });

  it('is not acknowledged for a run of another agent', async () => {
    await using world = new World();
    const runId = world.submit({}, 'agent-2');
    const agent = world.puppet();
    await world.settle();
    agent.send({ type: 'ending', epoch: 1, runId, reason: 'start_deadline' });
    await world.settle();
    expect(agent.of('ending.ack')).toEqual([]);
    expect(world.ignored).toEqual(['foreign_run']);
  });
});
