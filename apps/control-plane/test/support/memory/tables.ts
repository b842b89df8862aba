import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type {
  JsonObject,
  SettingsStore,
  SlotStore,
  StatusRow,
  StatusStore,
  TokenRow,
  TokenStore,
} from '../../../src/store/ports.ts';
import { plain } from './entities.ts';

export function memorySettings(): SettingsStore {
  const rows = new Map<string, JsonObject>();
  return {
    get: (key) => Promise.resolve(rows.get(key)),
    getOrCreate: async (key, make) => {
      if (rows.has(key)) return rows.get(key) ?? {};
      const made = await make();
      if (!rows.has(key)) rows.set(key, plain(made));
      return rows.get(key) ?? made;
    },
    put: (key, value) => {
      rows.set(key, plain(value));
      return Promise.resolve();
    },
  };
}

export function memoryStatuses(clock: Clock): StatusStore {
  const rows = new Map<string, StatusRow>();
  const keyOf = (fqn: string, runId: string): string => JSON.stringify([fqn, runId]);
  const timestampOf = (row: StatusRow): number => {
    const { timestamp } = row.status;
    return typeof timestamp === 'number' && Number.isSafeInteger(timestamp) ? timestamp : row.updatedAt;
  };
  return {
    update: (pipelineFqn, runId, change) => {
      const before = rows.get(keyOf(pipelineFqn, runId));
      const changed = change(structuredClone(before));
      if (changed === undefined) return Promise.resolve(before);
      const row: StatusRow = { pipelineFqn, runId, ...plain(changed), updatedAt: clock.now() };
      rows.set(keyOf(pipelineFqn, runId), row);
      return Promise.resolve(row);
    },
    get: (pipelineFqn, runId) => Promise.resolve(rows.get(keyOf(pipelineFqn, runId))),
    list: (pipelineFqn, { startTs = -Infinity, endTs = Infinity, limit }) =>
      Promise.resolve(
        [...rows.values()]
          .filter((row) => row.pipelineFqn === pipelineFqn)
          .filter((row) => timestampOf(row) >= startTs && timestampOf(row) <= endTs)
          .sort((a, b) => timestampOf(b) - timestampOf(a) || (a.runId < b.runId ? 1 : -1))
          .slice(0, limit),
      ),
    remove: (pipelineFqn, runId) => {
      const gone = [...rows].filter(
        ([, row]) => row.pipelineFqn === pipelineFqn && (runId === undefined || row.runId === runId),
      );
      for (const [key] of gone) rows.delete(key);
      return Promise.resolve(gone.length);
    },
  };
}

export function memoryTokens(): TokenStore {
  const rows = new Map<string, TokenRow>();
  return {
    add: (row) => {
      if (rows.has(row.id)) throw new RunnerError('already_exists', 'there is a token with this id already');
      rows.set(row.id, plain(row));
      return Promise.resolve();
    },
    get: (id) => Promise.resolve(rows.get(id)),
    list: ({ role, agentId }) =>
      Promise.resolve(
        [...rows.values()]
          .filter((row) => role === undefined || row.role === role)
          .filter((row) => agentId === undefined || row.agentId === agentId)
          .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1)),
      ),
    revoke: (id, at) => {
      const row = rows.get(id);
      if (row === undefined || row.revokedAt !== undefined) return Promise.resolve(false);
      rows.set(id, { ...row, revokedAt: at });
      return Promise.resolve(true);
    },
    endedAmong: (ids, at) =>
      Promise.resolve(
        ids.filter((id) => {
          const row = rows.get(id);
          return row !== undefined && Math.min(row.revokedAt ?? Infinity, row.expiresAt ?? Infinity) <= at;
        }),
      ),
  };
}

export function memorySlots(): SlotStore {
  const rows = new Map<string, Map<number, { fired?: string; skipped?: string }>>();
  const of = (pipelineId: string): Map<number, { fired?: string; skipped?: string }> => {
    const known = rows.get(pipelineId) ?? new Map<number, { fired?: string; skipped?: string }>();
    rows.set(pipelineId, known);
    return known;
  };
  const history: SlotStore['history'] = (pipelineId, limit) =>
    Promise.resolve(
      [...of(pipelineId)]
        .sort(([a], [b]) => b - a)
        .slice(0, limit)
        .map(([slot, result]) => ({ slot, ...result })),
    );
  return {
    take: (pipelineId, slot) => {
      if (of(pipelineId).has(slot)) return Promise.resolve(false);
      of(pipelineId).set(slot, {});
      return Promise.resolve(true);
    },
    record: (pipelineId, slot, result) => {
      of(pipelineId).set(slot, plain(result));
      return Promise.resolve();
    },
    last: async (pipelineId) => (await history(pipelineId, 1))[0],
    history,
  };
}
