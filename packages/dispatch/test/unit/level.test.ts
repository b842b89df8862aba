import type { Observation } from '@runner/executor';
import { executorError } from '@runner/executor';
import type { LevelRun } from '@runner/dispatch';
import { describe, expect, it } from 'vitest';
import { agent, spec } from '../support/agent.ts';

const want = (runId: string, wish: 'run' | 'cancel' = 'run', accepted = true): LevelRun => ({
  runId,
  want: wish,
  accepted,
});
const brief = (observations: readonly Observation[]): string[] =>
  observations.map((o) => `${o.runId} ${o.presence === 'present' ? o.phase : o.presence}`);

describe('a level', () => {
  it('is answered with one observation for each of its runs, then with the strays', async () => {
    await using a = agent({ epoch: 'none' });
    a.world.place('r1', { phase: 'running' });
    a.world.place('stray', { phase: 'ended' });
    a.world.place('foreign', { controlPlaneId: 'cp-2' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    const report = await a.dispatcher.level([want('r1'), want('r2'), want('r1')]);
    expect(brief(report)).toEqual(['r1 running', 'r2 absent', 'stray ended']);
  });

  it('never creates anything', async () => {
    await using a = agent();
    await a.dispatcher.level([want('r1', 'run', false), want('r2')]);
    await a.clock.advance(60_000);
    expect(a.world.calls.filter((call) => call.startsWith('submit'))).toEqual([]);
  });

  it('says absent only when the list was fresh', async () => {
    await using a = agent();
    a.world.fresh = false;
    expect(brief(await a.dispatcher.level([want('r1')]))).toEqual(['r1 unknown']);
    a.world.fresh = true;
    expect(brief(await a.dispatcher.level([want('r1')]))).toEqual(['r1 absent']);
  });

  it('says absent without a fresh list where the executor has proven it', async () => {
    await using a = agent();
    Object.assign(a.world, { fresh: false, proves: 'by itself' });
    expect(brief(await a.dispatcher.level([want('r1')]))).toEqual(['r1 absent']);
  });

  it('says absent of what is not found where that proves nothing, of runs that await their start alone', async () => {
    await using a = agent();
    Object.assign(a.world, { fresh: false, proves: 'not yet' });
    const runs = [want('r1', 'run', false), want('r2'), want('r3', 'cancel', false)];
    expect(brief(await a.dispatcher.level(runs))).toEqual(['r1 absent', 'r2 unknown', 'r3 unknown']);
  });

  it('says absent only when asking by name says so too', async () => {
    await using a = agent();
    a.world.fail('observe', executorError('executor_unavailable', 'no answer'));
    expect(await a.dispatcher.level([want('r1')])).toMatchObject([{ presence: 'unknown', reason: 'no answer' }]);
  });

  it('believes the look by name over a list that lacks the run', async () => {
    await using a = agent();
    a.world.hold('list');
    const report = a.dispatcher.level([want('r1')]);
    await a.settle();
    a.world.place('r1', { phase: 'running' });
    a.world.release('list');
    expect(brief(await report)).toEqual(['r1 running']);
  });

  it('looks by name at failures whose log tail the list left out, and keeps the list where it cannot', async () => {
    await using a = agent({ epoch: 'none' });
    a.world.place('r1', { phase: 'ended', outcome: { result: 'failed', logTail: 'Traceback' } });
    a.world.listsTails = false;
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    expect(await a.dispatcher.level([want('r1')])).toMatchObject([{ outcome: { logTail: 'Traceback' } }]);
    a.world.fail('observe', executorError('executor_unavailable', 'no answer'));
    expect(await a.dispatcher.level([want('r1')])).toMatchObject([{ phase: 'ended', outcome: { result: 'failed' } }]);
  });

  it('does not call a run absent that was created while the level was read', async () => {
    await using a = agent();
    a.world.hold('observe');
    const report = a.dispatcher.level([want('r1', 'run', false)]);
    await a.settle();
    a.dispatcher.start(spec('r1'));
    await a.settle();
    a.world.remove('r1');
    a.world.release('observe');
    expect(brief(await report)).toEqual(['r1 unknown']);
  });

  it('does not call a run absent whose submit is under way', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    expect(brief(await a.dispatcher.level([want('r1', 'run', false)]))).toEqual(['r1 unknown']);
  });

  it('says unknown of everything when the executor cannot be read', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.fail('list', executorError('executor_unavailable', 'API server is down'));
    expect(await a.dispatcher.level([want('r1'), want('r2')])).toMatchObject([
      { runId: 'r1', presence: 'unknown', reason: 'API server is down' },
      { runId: 'r2', presence: 'unknown' },
    ]);
  });

  it('answers in bounded time with what it knows by then', async () => {
    await using a = agent({ levelTimeoutMs: 10_000, epoch: 'none' });
    a.world.place('r1', { phase: 'running' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.world.hold('observe');
    const report = a.dispatcher.level([want('r1'), want('r2')]);
    await a.clock.advance(10_000);
    expect(brief(await report)).toEqual(['r1 running', 'r2 unknown']);
  });

  it('carries out the cancels in it', async () => {
    await using a = agent();
    await a.start('r1');
    await a.dispatcher.level([want('r1', 'cancel')]);
    await a.settle();
    expect(a.world.get('r1')).toMatchObject({ phase: 'ended', outcome: { result: 'cancelled' } });
  });

  it('that wants a cancel of a run which nobody knows is answered cancelled', async () => {
    await using a = agent();
    const report = await a.dispatcher.level([want('r1', 'cancel', false)]);
    await a.settle();
    expect(brief(report)).toEqual(['r1 absent']);
    expect(a.reporter.story('r1')).toEqual(['cancelled']);
  });

  it('leaves out strays whose outcome is recorded, until the next session', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1');
    a.dispatcher.recorded(['r1']);
    expect(await a.dispatcher.level([])).toEqual([]);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    expect(brief(await a.dispatcher.level([]))).toEqual(['r1 ended']);
  });

  it('still answers for a recorded run that it asks for', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1');
    a.dispatcher.recorded(['r1']);
    expect(brief(await a.dispatcher.level([want('r1')]))).toEqual(['r1 ended']);
  });

  it('frees the slot of a workload whose removal no watch has told', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.remove('r1');
    expect(a.dispatcher.slots().free).toBe(9);
    await a.dispatcher.level([]);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('frees no slot because of a list that may be out of date', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.remove('r1');
    a.world.fresh = false;
    await a.dispatcher.level([]);
    expect(a.dispatcher.slots().free).toBe(9);
  });

  it('counts a workload that only the list has shown', async () => {
    await using a = agent();
    a.world.breakWatches(new Error('connection reset'));
    a.world.place('r1', { phase: 'running' });
    await a.dispatcher.level([]);
    expect(a.dispatcher.slots().free).toBe(9);
  });

  it('asked of an instance that is not active is answered unknown', async () => {
    await using a = agent({ epoch: 'standby' });
    expect(await a.dispatcher.level([want('r1')])).toMatchObject([{ presence: 'unknown', reason: 'not active' }]);
    expect(a.world.calls).toEqual([]);
  });

  it('whose session ends while it is read ends at once and claims nothing', async () => {
    await using a = agent();
    a.world.hold('list');
    const report = a.dispatcher.level([want('r1')]);
    await a.settle();
    a.dispatcher.deactivate('gone');
    expect(brief(await report)).toEqual(['r1 unknown']);
  });
});
