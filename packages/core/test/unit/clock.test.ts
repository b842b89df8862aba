import { isAbort, systemClock } from '@runner/core';
import { testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';

describe('testClock', () => {
  it('carries code that sleeps again and again through one advance', async () => {
    const clock = testClock();
    const seen: number[] = [];
    const loop = (async () => {
      for (let i = 0; i < 3; i += 1) {
        await clock.sleep(1_000);
        seen.push(clock.monotonic());
      }
    })();
    await clock.advance(3_500);
    await loop;
    expect(seen).toEqual([1_000, 2_000, 3_000]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fires timers in order of time, and of creation where the time is the same', async () => {
    const clock = testClock();
    const order: string[] = [];
    clock.setTimer(20, () => order.push('late'));
    clock.setTimer(10, () => order.push('first'));
    clock.setTimer(10, () => order.push('second'));
    await clock.advance(30);
    expect(order).toEqual(['first', 'second', 'late']);
  });

  it('steps the wall clock without touching durations', async () => {
    const clock = testClock(1_000_000);
    clock.stepWall(-500_000);
    await clock.advance(10);
    expect(clock.now()).toBe(500_010);
    expect(clock.monotonic()).toBe(10);
  });
});

describe('sleep', () => {
  it('rejects as aborted as soon as its signal is, and leaves no timer', async () => {
    const clock = testClock();
    const abort = new AbortController();
    const sleeping = clock.sleep(10_000, abort.signal).catch((error: unknown) => error);
    abort.abort();
    expect(isAbort(await sleeping)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects at once when the signal was aborted before', async () => {
    const error: unknown = await systemClock()
      .sleep(60_000, AbortSignal.abort())
      .catch((e: unknown) => e);
    expect(isAbort(error)).toBe(true);
  });

  it('really waits on the system clock', async () => {
    const clock = systemClock({ keepAlive: true });
    const before = clock.monotonic();
    await clock.sleep(15);
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(14);
  });
});
