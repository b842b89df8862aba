import type { Clock } from '@runner/core';

/** What a process says about itself; `process` has both. */
export interface ProcessFigures {
  cpuUsage(): { readonly user: number; readonly system: number };
  memoryUsage(): { readonly heapUsed: number };
}

export interface ProcessUsage {
  /** Percent of one core since the call before; two calls within a second give the same answer. */
  cpuPercent(): number;
  heapMegabytes(): number;
}

const MEGABYTE = 1_048_576;
const SHORTEST_MS = 1_000;

export function createProcessUsage(clock: Clock, figures: ProcessFigures): ProcessUsage {
  const cpuMs = (): number => {
    const { user, system } = figures.cpuUsage();
    return (user + system) / 1_000;
  };
  let last = { at: clock.monotonic(), cpuMs: cpuMs(), percent: 0 };
  return {
    cpuPercent: () => {
      const elapsed = clock.monotonic() - last.at;
      if (elapsed < SHORTEST_MS) return last.percent;
      const used = cpuMs();
      last = { at: clock.monotonic(), cpuMs: used, percent: Math.max(0, (100 * (used - last.cpuMs)) / elapsed) };
      return last.percent;
    },
    heapMegabytes: () => figures.memoryUsage().heapUsed / MEGABYTE,
  };
}
