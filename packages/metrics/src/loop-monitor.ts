import type { Clock, Timer } from '@runner/core';
import type { HealthCheck } from './health.ts';
import { createWindowMax } from './window-max.ts';

export interface LoopMonitorOptions {
  readonly clock: Clock;
  /** How often the event loop is asked for a sign of life. Default 500 ms. */
  readonly intervalMs?: number;
  /** Without a sign for this long it counts as stalled. Default 10,000 ms. */
  readonly stalledAfterMs?: number;
}

/**
 * Measures how late the event loop is, with a timer that asks for its turn again and again. A loop that is stuck answers
 * no probe at all; this one also notices timers that starve while sockets are still served.
 */
export interface LoopMonitor {
  /** The longest delay of the last two minutes, in seconds; a turn that is overdue right now counts. */
  lagSeconds(): number;
  check(): HealthCheck;
  /** Idempotent. */
  stop(): void;
}

export function createLoopMonitor(options: LoopMonitorOptions): LoopMonitor {
  const { clock, intervalMs = 500, stalledAfterMs = 10_000 } = options;
  const longest = createWindowMax(clock);
  let stopped = false;
  let due = 0;
  let timer: Timer | undefined;
  const lateMs = (): number => (stopped ? 0 : Math.max(0, clock.monotonic() - due));

  const next = (): void => {
    due = clock.monotonic() + intervalMs;
    timer = clock.setTimer(intervalMs, () => {
      longest.add(lateMs());
      if (!stopped) next();
    });
  };
  next();
  return {
    lagSeconds: () => Math.max(longest.value(), lateMs()) / 1_000,
    check: () => {
      const late = lateMs();
      if (late < stalledAfterMs) return { name: 'event_loop', ok: true };
      return { name: 'event_loop', ok: false, reason: `timers have not had their turn for ${Math.round(late)} ms` };
    },
    stop: () => {
      stopped = true;
      timer?.cancel();
    },
  };
}
