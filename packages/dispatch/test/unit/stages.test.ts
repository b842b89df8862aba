import { describe, expect, it } from 'vitest';
import { agent } from '../support/agent.ts';

const stagesOf = (events: readonly string[]): string[] => events.filter((event) => !event.startsWith('call:'));

describe('the stopwatch of a run', () => {
  it('measures received → accepted → started → finished → reported', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    await a.clock.advance(2_000);
    a.world.release('submit');
    await a.settle();
    await a.clock.advance(3_000);
    a.world.run('r1');
    await a.clock.advance(5_000);
    a.world.finish('r1');
    await a.settle();
    expect(stagesOf(a.events)).toEqual([
      'received',
      'accepted:created:2',
      'started:3',
      'finished:succeeded:5',
      'reported:0',
    ]);
  });

  it('counts the time an outcome could not be reported, up to the level that brought it', async () => {
    await using a = agent();
    await a.start('r1');
    a.dispatcher.deactivate('the server is gone');
    a.world.finish('r1', 'failed');
    await a.clock.advance(600_000);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    await a.dispatcher.level([{ runId: 'r1', want: 'run', accepted: true }]);
    expect(stagesOf(a.events).slice(-2)).toEqual(['finished:failed:?', 'reported:600']);
  });

  it('does not count tombstones of an earlier process as finished', async () => {
    await using a = agent({ epoch: 'none' });
    a.world.place('r1', { phase: 'ended' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    await a.settle();
    expect(stagesOf(a.events)).toEqual([]);
  });

  it('measures each executor call', async () => {
    await using a = agent();
    await a.start('r1');
    await a.dispatcher.level([{ runId: 'r2', want: 'run', accepted: true }]);
    expect(a.events.filter((event) => event.startsWith('call:'))).toEqual([
      'call:submit:ok',
      'call:list:ok',
      'call:observe:ok',
    ]);
  });
});

describe('memory', () => {
  it('holds nothing of runs that ended and were recorded', async () => {
    await using a = agent({ limits: { total: 20_000 } });
    for (let batch = 0; batch < 20; batch += 1) {
      const runIds = Array.from({ length: 500 }, (_, index) => `r${batch * 500 + index}`);
      for (const runId of runIds) await a.start(runId);
      for (const runId of runIds) a.world.finish(runId);
      await a.settle();
      a.dispatcher.recorded(runIds);
      for (const runId of runIds) a.world.remove(runId);
      await a.dispatcher.level([]);
      expect(a.dispatcher.snapshot()).toMatchObject({
        inFlight: 0,
        live: 0,
        unrecorded: 0,
        remembered: { cancels: 0, recorded: 0 },
        slots: { free: 20_000 },
      });
      expect(a.clock.pendingTimers).toBe(0);
    }
  });

  it('remembers a bounded number of cancels', async () => {
    await using a = agent();
    for (let index = 0; index < 10_100; index += 1) a.dispatcher.cancel(`r${index}`, undefined);
    await a.settle();
    expect(a.dispatcher.snapshot().remembered.cancels).toBe(10_000);
  });
});
