import type { Clock } from '@runner/core';
import { testClock } from '@runner/core/testing';
import { createLoopMonitor } from '@runner/metrics';
import { describe, expect, it } from 'vitest';

/** A clock whose timers do not get their turn while the loop is stuck; time goes on. */
function stuckable() {
  const base = testClock();
  let stuckSince: number | undefined;
  const overdue: (() => void)[] = [];
  const clock: Clock = {
    ...base,
    setTimer: (ms, callback) =>
      base.setTimer(ms, () => {
        if (stuckSince === undefined) callback();
        else overdue.push(callback);
      }),
  };
  return {
    clock,
    advance: (ms: number) => base.advance(ms),
    pendingTimers: () => base.pendingTimers,
    stick: () => (stuckSince = base.monotonic()),
    free: () => {
      stuckSince = undefined;
      for (const callback of overdue.splice(0)) callback();
    },
  };
}

describe('the loop monitor', () => {
  it('finds nothing wrong with a loop that turns', async () => {
    const loop = stuckable();
    const monitor = createLoopMonitor({ clock: loop.clock });
    await loop.advance(60_000);
    expect(monitor.lagSeconds()).toBe(0);
    expect(monitor.check()).toEqual({ name: 'event_loop', ok: true });
    monitor.stop();
  });

  it('notices timers that starve, and says for how long', async () => {
    const loop = stuckable();
    const monitor = createLoopMonitor({ clock: loop.clock, intervalMs: 500, stalledAfterMs: 10_000 });
    loop.stick();
    await loop.advance(10_400);
    expect(monitor.check().ok).toBe(true);
    await loop.advance(100);
    expect(monitor.check()).toEqual({
      name: 'event_loop',
      ok: false,
      reason: 'timers have not had their turn for 10000 ms',
    });
    monitor.stop();
  });

  it('is well again when the loop turns, and remembers the lag for two minutes', async () => {
    const loop = stuckable();
    const monitor = createLoopMonitor({ clock: loop.clock });
    loop.stick();
    await loop.advance(3_500);
    loop.free();
    expect(monitor.check().ok).toBe(true);
    expect(monitor.lagSeconds()).toBe(3);
    await loop.advance(60_000);
    expect(monitor.lagSeconds()).toBe(3);
    await loop.advance(120_000);
    expect(monitor.lagSeconds()).toBe(0);
    monitor.stop();
  });

  it('leaves no timer behind', async () => {
    const loop = stuckable();
    const monitor = createLoopMonitor({ clock: loop.clock });
    await loop.advance(1_200);
    monitor.stop();
    monitor.stop();
    expect(loop.pendingTimers()).toBe(0);
  });
});
