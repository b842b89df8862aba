import type { Clock } from '@runner/core';
import type { MemoryAgentBook, MemoryRunBook, RunRecord, RunStart } from '@runner/protocol/server';
import { createMemoryAgentBook, createMemoryRunBook } from '@runner/protocol/server';

/** The control plane's store: rows and who is active. Outlives every process; can be lost or put back. */
export interface ModelStore {
  readonly controlPlaneId: string;
  readonly runs: MemoryRunBook;
  readonly agents: MemoryAgentBook;
  readonly starts: Map<string, RunStart>;
}

export interface StoreCopy {
  readonly controlPlaneId: string;
  readonly rows: readonly RunRecord[];
  readonly starts: ReadonlyMap<string, RunStart>;
}

export function emptyStore(clock: Clock, controlPlaneId: string): ModelStore {
  const runs = createMemoryRunBook({ clock });
  return { controlPlaneId, runs, agents: createMemoryAgentBook({ clock, runs }), starts: new Map() };
}

export const copyOf = (store: ModelStore): StoreCopy => ({
  controlPlaneId: store.controlPlaneId,
  rows: store.runs.all(),
  starts: new Map(store.starts),
});

/** The store as it was when the copy was made; epochs start over, as they may after a restore. */
export async function restored(clock: Clock, copy: StoreCopy): Promise<ModelStore> {
  const store = emptyStore(clock, copy.controlPlaneId);
  for (const row of copy.rows) {
    const start = copy.starts.get(row.runId);
    if (start !== undefined) {
      store.starts.set(row.runId, start);
      store.runs.submit(start, row.agentId);
    }
    await store.runs.update(row.runId, () => row);
  }
  return store;
}
