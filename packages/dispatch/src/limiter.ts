import { abortError } from '@runner/core';
import type { Limits, Slots } from './ports.ts';

/**
 * A cap on workloads that stand at once. It keeps no count that could leak: a slot is taken because a run is being
 * submitted or because its workload is seen alive, and both facts are replaced by what is observed. Each run counts once,
 * however many reasons it has. Queue, priority and ageing belong to the control plane.
 */
export interface Limiter {
  /** A start was received: counted in `slots()` at once, so that the credit it used is never advertised twice. */
  announce(runId: string, pipelineType: string): void;
  /**
   * Takes a slot, waiting for one if need be (`onWait` is called then, once). A run whose workload is seen alive has one
   * already. First come, first served among those that fit.
   */
  take(runId: string, pipelineType: string, signal: AbortSignal, onWait: () => void): Promise<void>;
  /** The start is over: from here on only what is seen of the workload counts. */
  release(runId: string): void;
  /** What was seen: a live workload holds a slot even beyond the cap, for it stands whether we like it or not. */
  see(runId: string, pipelineType: string, live: boolean): void;
  slots(): Slots;
  readonly held: number;
}

interface Waiter {
  readonly pipelineType: string;
  readonly grant: () => void;
}

export function createLimiter(
  limits: Limits,
  options: { readonly onChange?: () => void; readonly onUnderflow?: () => void } = {},
): Limiter {
  const { onChange = () => undefined, onUnderflow = () => undefined } = options;
  const announced = new Set<string>();
  const reserved = new Set<string>();
  const live = new Set<string>();
  const held = createTally(onUnderflow);
  const expected = createTally(onUnderflow);
  const waiters = new Map<string, Waiter>();
  let advertised = '';

  const fits = (type: string): boolean =>
    held.total < limits.total && held.of(type) < (limits.types?.[type] ?? Number.POSITIVE_INFINITY);

  const slots = (): Slots => ({
    total: limits.total,
    free: Math.max(0, limits.total - expected.total),
    types: Object.fromEntries(
      Object.entries(limits.types ?? {}).map(([type, total]) => [
        type,
        { total, free: Math.max(0, total - expected.of(type)) },
      ]),
    ),
  });

  const count = (runId: string, pipelineType: string): void => {
    const holds = reserved.has(runId) || live.has(runId);
    held.set(runId, pipelineType, holds);
    expected.set(runId, pipelineType, holds || announced.has(runId));
  };
  const changed = (): void => {
    for (const [runId, waiter] of waiters) {
      if (!held.has(runId) && !fits(waiter.pipelineType)) continue;
      waiters.delete(runId);
      reserved.add(runId);
      count(runId, waiter.pipelineType);
      waiter.grant();
    }
    const now = JSON.stringify(slots());
    if (now === advertised) return;
    advertised = now;
    onChange();
  };
  advertised = JSON.stringify(slots());

  return {
    announce: (runId, pipelineType) => {
      announced.add(runId);
      count(runId, pipelineType);
      changed();
    },
    take: async (runId, pipelineType, signal, onWait) => {
      if (signal.aborted) throw abortError(signal);
      if (held.has(runId) || fits(pipelineType)) {
        reserved.add(runId);
        count(runId, pipelineType);
        changed();
        return;
      }
      const granted = wait(waiters, runId, pipelineType, signal);
      onWait();
      await granted;
    },
    release: (runId) => {
      announced.delete(runId);
      reserved.delete(runId);
      count(runId, '');
      changed();
    },
    see: (runId, pipelineType, alive) => {
      if (alive) live.add(runId);
      else live.delete(runId);
      count(runId, pipelineType);
      changed();
    },
    slots,
    get held() {
      return held.total;
    },
  };
}

function wait(waiters: Map<string, Waiter>, runId: string, pipelineType: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      waiters.delete(runId);
      reject(abortError(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    waiters.set(runId, {
      pipelineType,
      grant: () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      },
    });
  });
}

interface Tally {
  readonly total: number;
  of(pipelineType: string): number;
  has(runId: string): boolean;
  /** The type that was given first stays, so that a run leaves the count it entered. */
  set(runId: string, pipelineType: string, counted: boolean): void;
}

function createTally(onUnderflow: () => void): Tally {
  const types = new Map<string, string>();
  const counts = new Map<string, number>();
  return {
    get total() {
      return types.size;
    },
    of: (type) => counts.get(type) ?? 0,
    has: (runId) => types.has(runId),
    set: (runId, pipelineType, counted) => {
      const known = types.get(runId);
      if (counted && known === undefined) {
        types.set(runId, pipelineType);
        counts.set(pipelineType, (counts.get(pipelineType) ?? 0) + 1);
      }
      if (counted || known === undefined) return;
      types.delete(runId);
      const left = (counts.get(known) ?? 0) - 1;
      if (left < 0) onUnderflow();
      if (left <= 0) counts.delete(known);
      else counts.set(known, left);
    },
  };
}
