import { describe, expect, it } from 'vitest';
import { agent } from '../support/agent.ts';

describe('what the watch sees', () => {
  it('is reported when it has changed', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.run('r1');
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:running', 'observed:ended']);
  });

  it('is not reported again when only its time differs', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.run('r1');
    await a.clock.advance(1_000);
    a.world.change('r1', {});
    a.world.change('r1', {});
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:running']);
  });

  it('is reported when the reason of waiting changes', async () => {
    await using a = agent();
    await a.start('r1');
    const diagnosis = (code: string) => ({ category: 'image', code, message: code, permanent: false }) as const;
    a.world.change('r1', { diagnosis: diagnosis('pulling') });
    a.world.change('r1', { diagnosis: diagnosis('pulling') });
    a.world.change('r1', { diagnosis: diagnosis('back_off') });
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:pending', 'observed:pending']);
  });

  it('is logged once for each reason to wait, however often its words change', async () => {
    await using a = agent();
    await a.start('r1');
    const waits = (code: string, message: string) => ({ category: 'image', code, message, permanent: false }) as const;
    a.world.change('r1', { diagnosis: waits('image_not_found', 'one') });
    a.world.change('r1', { diagnosis: waits('image_not_found', 'two') });
    a.world.change('r1', { diagnosis: waits('registry_failed', 'three') });
    a.world.run('r1');
    await a.settle();
    const told = a.logger.records.filter(({ message }) => message === 'a run waits');
    expect(told).toMatchObject([
      { level: 'info', context: { runId: 'r1', diagnosis: 'image_not_found', reason: 'one' } },
      { level: 'info', context: { runId: 'r1', diagnosis: 'registry_failed', reason: 'three' } },
    ]);
  });

  it('is reported at once for a stray', async () => {
    await using a = agent();
    a.world.place('stray', { phase: 'running' });
    expect(a.reporter.story('stray')).toEqual(['observed:running']);
    expect(a.dispatcher.slots().free).toBe(9);
  });

  it('of another control plane is neither counted nor reported', async () => {
    await using a = agent();
    a.world.place('foreign', { controlPlaneId: 'cp-2', phase: 'running' });
    await a.dispatcher.level([]);
    expect(a.reporter.said).toEqual([]);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('never lets an ended workload live again', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1');
    await a.settle();
    // An old reading that arrives late: the object itself cannot do this.
    a.world.change('r1', { phase: 'running' });
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:ended']);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('goes on when the wall clock steps back', async () => {
    await using a = agent();
    await a.start('r1');
    a.clock.stepWall(-3_600_000);
    a.world.run('r1');
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:running', 'observed:ended']);
    expect(a.events).toContain('finished:succeeded:0');
  });

  it('is seen again after the watch broke, and the break is in the snapshot', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.breakWatches(new Error('connection reset'));
    await a.settle();
    expect(a.dispatcher.snapshot().watch).toEqual({
      state: 'failing',
      problem: { code: 'executor_failed', message: 'connection reset' },
    });
    a.world.change('r1', { phase: 'running' });
    await a.clock.advance(5_000);
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:running']);
    expect(a.dispatcher.snapshot().watch).toEqual({ state: 'watching' });
  });

  it('is not needed to count a run whose submit succeeded', async () => {
    await using a = agent();
    a.world.breakWatches(new Error('connection reset'));
    await a.start('r1');
    expect(a.dispatcher.snapshot()).toMatchObject({ live: 1, slots: { free: 9 } });
  });

  it('trusts a quiet watch again after ten seconds', async () => {
    await using a = agent();
    a.world.breakWatches(new Error('connection reset'));
    await a.clock.advance(3_000);
    expect(a.dispatcher.snapshot().watch.state).toBe('failing');
    await a.clock.advance(10_000);
    expect(a.dispatcher.snapshot().watch.state).toBe('watching');
  });

  it('is not said when nobody is connected, but counted', async () => {
    await using a = agent();
    a.dispatcher.deactivate('the server is gone');
    a.world.place('r1', { phase: 'running' });
    a.world.place('r2', { phase: 'ended' });
    await a.settle();
    expect(a.reporter.said).toEqual([]);
    expect(a.dispatcher.snapshot()).toMatchObject({ active: false, live: 1, unrecorded: 1, slots: { free: 9 } });
  });
});

describe('a recorded outcome', () => {
  it('is forgotten and not reported again when the watch starts over', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1');
    await a.settle();
    a.dispatcher.recorded(['r1']);
    expect(a.dispatcher.snapshot()).toMatchObject({ unrecorded: 0, remembered: { recorded: 1 } });
    a.reporter.clear();
    a.world.breakWatches(new Error('connection reset'));
    await a.clock.advance(60_000);
    expect(a.reporter.said).toEqual([]);
  });

  it('of a run whose workload lives is not believed', async () => {
    await using a = agent();
    await a.start('r1');
    a.dispatcher.recorded(['r1']);
    expect(a.dispatcher.slots().free).toBe(9);
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
  });

  it('of a run that is seen alive afterwards is owed again, and its slot comes back', async () => {
    await using a = agent();
    a.dispatcher.recorded(['r1']);
    a.world.place('r1', { phase: 'running' });
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['observed:running', 'observed:ended']);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('is not remembered longer than its workload stands', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1');
    a.dispatcher.recorded(['r1']);
    a.world.remove('r1');
    await a.dispatcher.level([]);
    expect(a.dispatcher.snapshot().remembered.recorded).toBe(0);
  });
});

describe('discard', () => {
  it('removes the record of an ended workload', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1');
    a.dispatcher.discard('r1');
    await a.settle();
    expect(a.world.get('r1')).toBeUndefined();
    expect(a.dispatcher.snapshot().unrecorded).toBe(0);
  });

  it('does nothing while the workload lives', async () => {
    await using a = agent();
    await a.start('r1');
    a.dispatcher.discard('r1');
    await a.settle();
    expect(a.world.get('r1')?.phase).toBe('pending');
    expect(a.dispatcher.slots().free).toBe(9);
    expect(a.logger.text()).toContain('not discarded');
  });

  it('is not done by an instance that is not active', async () => {
    await using a = agent({ epoch: 'standby' });
    a.dispatcher.discard('r1');
    await a.settle();
    expect(a.world.calls).toEqual([]);
  });
});

describe('a record that would stay for ever', () => {
  const cancelled = { phase: 'ended', outcome: { result: 'cancelled' }, lingers: true } as const;
  const discards = (calls: readonly string[]): readonly string[] => calls.filter((call) => call.startsWith('discard'));

  it('is discarded once its outcome is recorded, and not before', async () => {
    await using a = agent();
    a.world.place('r1', cancelled);
    a.world.place('r2', { ...cancelled, outcome: { result: 'failed' } });
    await a.clock.advance(86_400_000);
    expect(discards(a.world.calls)).toEqual([]);
    a.dispatcher.recorded(['r1']);
    await a.settle();
    expect(discards(a.world.calls)).toEqual(['discard r1']);
    expect(a.world.get('r1')).toBeUndefined();
    expect(a.world.get('r2')).toBeDefined();
  });

  it('is the only one that is', async () => {
    await using a = agent();
    a.world.place('r1', { phase: 'ended' });
    a.world.place('r2', { phase: 'pending', lingers: true });
    a.dispatcher.recorded(['r1', 'r2', 'unknown']);
    await a.settle();
    expect(discards(a.world.calls)).toEqual([]);
  });

  it('is reported again when it could not be discarded, so that it is recorded and discarded later', async () => {
    await using a = agent();
    a.world.place('r1', cancelled);
    a.world.fail('discard', new Error('connection reset'));
    a.dispatcher.recorded(['r1']);
    await a.settle();
    expect(await a.dispatcher.level([])).toMatchObject([{ runId: 'r1', phase: 'ended' }]);
    a.dispatcher.recorded(['r1']);
    await a.settle();
    expect(a.world.get('r1')).toBeUndefined();
    expect(await a.dispatcher.level([])).toEqual([]);
  });
});
