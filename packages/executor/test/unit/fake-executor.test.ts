import { testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import type { Observation } from '../../src/index.ts';
import { fakeExecutor, fakePlace, testRunSpec } from '../../src/testing/index.ts';

const calm = new AbortController().signal;
const { owner } = testRunSpec();

describe('the faults of the fake', () => {
  it('fails a submit without creating, loses its answer, or creates late', async () => {
    const clock = testClock();
    const place = fakePlace({ clock });
    const executor = fakeExecutor({ place });
    place.failSubmit({ kind: 'error' }, { kind: 'reply_lost' }, { kind: 'late', afterMs: 1_000 });
    const [refused, lost, late] = [testRunSpec(), testRunSpec(), testRunSpec()];
    await expect(executor.submit(refused, calm)).rejects.toMatchObject({ code: 'executor_waiting', retryable: true });
    expect(place.look(refused.runId).presence).toBe('absent');
    await expect(executor.submit(lost, calm)).rejects.toMatchObject({ code: 'executor_unavailable', retryable: true });
    expect(place.look(lost.runId).presence).toBe('present');
    await expect(executor.submit(late, calm)).rejects.toMatchObject({ retryable: true });
    expect(place.look(late.runId).presence).toBe('absent');
    expect((await executor.submit(late, calm)).created).toBe(true);
    await clock.advance(1_000);
    expect(place.executions(late.runId)).toBe(1);
  });

  it('serves lists of an earlier time that say so', async () => {
    const executor = fakeExecutor({ clock: testClock() });
    const [early, late] = [testRunSpec(), testRunSpec()];
    await executor.submit(early, calm);
    executor.place.freezeLists();
    await executor.submit(late, calm);
    executor.place.succeed(early.runId);
    const stale = await executor.list(owner, calm);
    expect(stale.fresh).toBe(false);
    expect(stale.observations).toMatchObject([{ runId: early.runId, phase: 'running' }]);
    executor.place.thawLists();
    expect((await executor.list(owner, calm)).observations).toHaveLength(2);
  });

  it('lets ended workloads vanish after their time to live, and living ones by hand', async () => {
    const clock = testClock();
    const executor = fakeExecutor({ clock, ttlMs: 60_000 });
    const [ended, living] = [testRunSpec(), testRunSpec()];
    await executor.submit(ended, calm);
    await executor.submit(living, calm);
    executor.place.fail(ended.runId);
    await clock.advance(60_000);
    expect(await executor.observe(ended.runId, calm)).toMatchObject({ presence: 'absent' });
    executor.place.remove(living.runId);
    expect(await executor.observe(living.runId, calm)).toMatchObject({ presence: 'absent' });
    expect((await executor.submit(living, calm)).created).toBe(true);
    expect(executor.place.executions(living.runId)).toBe(2);
  });

  it('cannot be asked while it is away', async () => {
    const executor = fakeExecutor({ clock: testClock() });
    const spec = testRunSpec();
    await executor.submit(spec, calm);
    executor.place.away = true;
    expect(await executor.observe(spec.runId, calm)).toMatchObject({ presence: 'unknown' });
    await expect(executor.list(owner, calm)).rejects.toMatchObject({ code: 'executor_unavailable', retryable: true });
    await expect(executor.end(spec.runId, { reason: 'cancelled' }, calm)).rejects.toMatchObject({ retryable: true });
    executor.place.away = false;
    expect(await executor.observe(spec.runId, calm)).toMatchObject({ phase: 'running' });
  });

  it('repairs a deaf watch with its next list', async () => {
    const clock = testClock();
    const executor = fakeExecutor({ clock, relistMs: 10_000 });
    const seen: Observation[] = [];
    const stop = new AbortController();
    const watching = executor.watch(owner, (observation) => seen.push(observation), stop.signal);
    executor.place.deaf = true;
    await executor.submit(testRunSpec(), calm);
    await clock.settle();
    expect(seen).toEqual([]);
    await clock.advance(10_000);
    expect(seen).toMatchObject([{ phase: 'running' }]);
    stop.abort();
    await watching;
    expect(clock.pendingTimers).toBe(1);
  });

  it('keeps the outcome of a program that ended by itself while it was being ended', async () => {
    const clock = testClock();
    const executor = fakeExecutor({ clock, endDelayMs: 5_000 });
    const [quick, slow] = [testRunSpec(), testRunSpec()];
    for (const spec of [quick, slow]) {
      await executor.submit(spec, calm);
      expect(await executor.end(spec.runId, { reason: 'cancelled' }, calm)).toMatchObject({ phase: 'ending' });
    }
    executor.place.succeed(quick.runId);
    await clock.advance(5_000);
    expect(executor.place.look(quick.runId)).toMatchObject({ outcome: { result: 'succeeded' } });
    expect(executor.place.look(slow.runId)).toMatchObject({ outcome: { result: 'cancelled' } });
  });

  it('tells a gap where output was rotated away', async () => {
    const executor = fakeExecutor({ clock: testClock() });
    const spec = testRunSpec();
    await executor.submit(spec, calm);
    executor.place.print(spec.runId, 'gone\nkept\n');
    executor.place.forgetOutput(spec.runId, 5);
    const pieces = [];
    for await (const piece of executor.logs(spec.runId, { fromByte: 0, follow: false, signal: calm }))
      pieces.push(piece);
    expect(pieces).toMatchObject([{ gap: true, fromByte: 0, toByte: 5 }, { fromByte: 5 }]);
  });

  it('does not end a run before it began when the wall clock steps back', async () => {
    const clock = testClock();
    const executor = fakeExecutor({ clock });
    const spec = testRunSpec();
    await executor.submit(spec, calm);
    clock.stepWall(-3_600_000);
    executor.place.succeed(spec.runId);
    const seen = executor.place.look(spec.runId);
    expect(seen.presence === 'present' && seen.endedAt).toBe(seen.presence === 'present' && seen.startedAt);
  });
});
