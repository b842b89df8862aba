import { executorError } from '@runner/executor';
import { describe, expect, it } from 'vitest';
import { agent, spec } from '../support/agent.ts';

describe('losing the session or the role', () => {
  it('stops creation at once: what was not yet at the executor is dropped', async () => {
    await using a = agent({ limits: { total: 1 } });
    await a.start('r1');
    await a.start('r2');
    a.world.fail('submit', executorError('executor_waiting', 'quota'));
    a.dispatcher.deactivate('the session is lost');
    a.world.finish('r1');
    await a.clock.advance(300_000);
    expect(a.world.created('r2')).toBe(0);
    expect(a.dispatcher.snapshot()).toMatchObject({ active: false, inFlight: 0 });
  });

  it('drops a start that waits to be tried again', async () => {
    await using a = agent();
    a.world.fail('submit', executorError('executor_waiting', 'quota'));
    await a.start('r1');
    a.dispatcher.standby({ controlPlaneId: 'cp-1' }, 'a rival was promoted');
    await a.clock.advance(300_000);
    expect(a.world.created('r1')).toBe(0);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('says nothing of a submit that finishes in a dead epoch, but counts its workload', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    a.dispatcher.deactivate('the session is lost');
    a.world.release('submit');
    await a.settle();
    expect(a.reporter.said).toEqual([]);
    expect(a.world.created('r1')).toBe(1);
    expect(a.dispatcher.slots().free).toBe(9);
  });

  it('lets the start of the next session adopt what the last one created late', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    await a.start('r1');
    a.world.release('submit');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['adopted']);
    expect(a.world.created('r1')).toBe(1);
    expect(a.dispatcher.snapshot()).toMatchObject({ inFlight: 0, live: 1, slots: { free: 9 } });
  });

  it('says nothing of what belongs to it in the next session', async () => {
    let pass = (): void => undefined;
    await using a = agent({
      faultPoint: (name) => (name === 'before_accepted' ? new Promise<void>((resolve) => (pass = resolve)) : undefined),
    });
    await a.start('r1');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    pass();
    await a.settle();
    expect(a.reporter.story('r1')).toEqual([]);
  });

  it('stops the tries of a cancel', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.fail('end', ...Array.from({ length: 100 }, () => executorError('executor_unavailable', 'down')));
    a.dispatcher.cancel('r1', undefined);
    await a.clock.advance(5_000);
    a.dispatcher.deactivate('gone');
    const ends = a.world.calls.length;
    await a.clock.advance(300_000);
    expect(a.world.calls).toHaveLength(ends);
  });
});

describe('a session', () => {
  it('that is activated again with the same epoch goes on', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.world.release('submit');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted']);
  });

  it('of a standby keeps the watch warm, so that it knows its slots when it is promoted', async () => {
    await using a = agent({ epoch: 'standby' });
    a.world.place('r1', { phase: 'running' });
    expect(a.world.watchers).toBe(1);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 7 });
    expect(a.world.watchers).toBe(1);
    expect(a.dispatcher.snapshot()).toMatchObject({ epoch: 7, slots: { free: 9 } });
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['observed:ended']);
  });

  it('begins with its slots, which may have changed since the connection began', async () => {
    await using a = agent({ epoch: 'standby' });
    a.world.place('r1', { phase: 'running' });
    expect(a.reporter.slotChanges).toBe(0);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 7 });
    expect(a.reporter.slotChanges).toBe(1);
  });

  it('keeps the watch through a lost connection', async () => {
    await using a = agent();
    a.dispatcher.deactivate('gone');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    expect(a.world.watchers).toBe(1);
  });

  it('of another control plane leaves the work of the former alone and does not count it', async () => {
    await using a = agent();
    await a.start('r1');
    a.reporter.clear();
    a.dispatcher.activate({ controlPlaneId: 'cp-2', epoch: 1 });
    expect(a.dispatcher.snapshot()).toMatchObject({ live: 0, slots: { free: 10 } });
    a.world.finish('r1');
    expect(await a.dispatcher.level([])).toEqual([]);
    await a.settle();
    expect(a.reporter.said).toEqual([]);
    expect(a.world.get('r1')?.outcome?.result).toBe('succeeded');
  });
});

describe('drain', () => {
  it('takes no more starts and advertises no slot', async () => {
    await using a = agent({ limits: { total: 3, types: { profiler: 2 } } });
    await a.dispatcher.drain();
    expect(a.dispatcher.slots()).toEqual({ total: 3, free: 0, types: { profiler: { total: 2, free: 0 } } });
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['waiting:draining']);
    expect(a.world.created('r1')).toBe(0);
  });

  it('waits for submits under way and reports them', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    let drained = false;
    const drain = a.dispatcher.drain().then(() => (drained = true));
    await a.settle();
    expect(drained).toBe(false);
    a.world.release('submit');
    await drain;
    expect(a.reporter.story('r1')).toEqual(['accepted']);
  });

  it('tells starts that wait that they are not carried out here any more', async () => {
    await using a = agent({ limits: { total: 1 } });
    await a.start('r1');
    await a.start('r2');
    a.world.fail('submit', executorError('executor_waiting', 'quota'));
    await a.dispatcher.drain();
    expect(a.reporter.story('r2')).toEqual(['waiting:no_slot', 'waiting:draining']);
    a.world.finish('r1');
    await a.clock.advance(60_000);
    expect(a.world.created('r2')).toBe(0);
  });

  it('does not try again a submit that fails while it drains', async () => {
    await using a = agent();
    a.world.hold('submit');
    a.world.fail('submit', executorError('executor_waiting', 'quota'));
    await a.start('r1');
    const drain = a.dispatcher.drain();
    a.world.release('submit');
    await a.clock.advance(60_000);
    await drain;
    expect(a.world.created('r1')).toBe(0);
    expect(a.dispatcher.snapshot().inFlight).toBe(0);
  });

  it('still reports what becomes of the workloads, which live on', async () => {
    await using a = agent();
    await a.start('r1');
    await a.dispatcher.drain();
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:ended']);
  });

  it('ends when its signal is aborted, however long a submit takes', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    const hurry = new AbortController();
    const drain = a.dispatcher.drain(hurry.signal);
    hurry.abort();
    await expect(drain).resolves.toBeUndefined();
  });
});

describe('close', () => {
  it('leaves no timer, no watch and no promise behind, and workloads alive', async () => {
    const a = agent({ startDeadlineSeconds: () => 600 });
    await a.start('r1');
    a.world.fail('submit', executorError('executor_waiting', 'quota'));
    await a.start('r2');
    a.world.hold('submit');
    await a.start('r3');
    void a.dispatcher.level([{ runId: 'r4', want: 'cancel', accepted: true }]);
    await a.dispatcher.close();
    expect(a.clock.pendingTimers).toBe(0);
    expect(a.world.watchers).toBe(0);
    expect(a.world.get('r1')?.phase).toBe('pending');
  });

  it('is the end: it can be called again, and nothing starts afterwards', async () => {
    const a = agent();
    await a.dispatcher.close();
    await a.dispatcher.close();
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    a.dispatcher.standby({ controlPlaneId: 'cp-2' }, 'late');
    a.dispatcher.start(spec('r1'));
    await a.settle();
    expect(a.world.watchers).toBe(0);
    expect(a.world.calls).toEqual([]);
  });
});

describe('limits', () => {
  it.each([[{ total: -1 }], [{ total: 1.5 }], [{ total: 1, types: { profiler: Number.NaN } }]])(
    'that make no sense are refused: %j',
    (limits) => {
      expect(() => agent({ limits })).toThrow(expect.objectContaining({ code: 'invalid_options' }));
    },
  );
});
