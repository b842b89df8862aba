import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { Store } from '../../src/store/ports.ts';
import { memoryAgents } from './memory/agents.ts';
import { memoryEntities } from './memory/entities.ts';
import { memoryChannel } from './memory/events.ts';
import { memoryLogs } from './memory/logs.ts';
import { memoryRuns } from './memory/runs.ts';
import { memorySettings, memorySlots, memoryStatuses, memoryTokens } from './memory/tables.ts';

export interface MemoryStore extends Store {
  /** Makes every call fail with `store_unavailable` (or work again). */
  setAvailable(available: boolean): void;
}

/** A working Store for tests: what PostgreSQL does, without it. `storeContract` holds both to the same behaviour. */
export function memoryStore(clock: Clock): MemoryStore {
  const state = { available: true };
  const bus = memoryChannel<Parameters<Store['bus']['publish']>[0]>();
  const signals = memoryChannel<Parameters<Store['signals']['publish']>[0]>();
  const { runs, runBook, rows, progress } = memoryRuns(clock, bus.publish);
  const { agentBook, runners } = memoryAgents(clock, rows);
  const logs = memoryLogs(clock, rows, signals.publish);
  const check = (): void => {
    if (!state.available) throw new RunnerError('store_unavailable', 'the database is away', { retryable: true });
  };
  const stores = {
    settings: memorySettings(),
    entities: memoryEntities(clock),
    runs: { ...runs, uncollected: logs.uncollected },
    statuses: memoryStatuses(clock),
    progress,
    logs: logs.store,
    tokens: memoryTokens(),
    runners,
    slots: memorySlots(),
    runBook,
    agentBook,
  };
  return {
    ...(Object.fromEntries(
      Object.entries(stores).map(([name, methods]) => [name, guarded(methods, check)]),
    ) as unknown as typeof stores),
    bus,
    signals,
    ping: async () => {
      await Promise.resolve();
      check();
    },
    close: () => Promise.resolve(),
    setAvailable: (available) => {
      state.available = available;
    },
  };
}

type Method = (...args: never[]) => Promise<unknown>;

/** Every method asynchronous, as a database's are, and failing while the store is away. */
function guarded<T extends object>(methods: T, check: () => void): T {
  return Object.fromEntries(
    Object.entries(methods as Record<string, Method>).map(([name, method]) => [
      name,
      async (...args: never[]) => {
        await Promise.resolve();
        check();
        return structuredClone(await method(...args));
      },
    ]),
  ) as T;
}
