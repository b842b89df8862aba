import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import { isClosed } from '@runner/protocol/server';
import type { LogSource, LogStore, RunStore, Signals } from '../../../src/store/ports.ts';
import type { RunRows } from './runs.ts';

/** OpenMetadata's chunk: 1 MiB less 64 KiB. */
const CHUNK_BYTES = 983_040;

interface Log {
  rawTo: number;
  closed: boolean;
  writtenAt: number;
  chunks: string[];
}

export function memoryLogs(
  clock: Clock,
  runs: RunRows,
  publish: Signals['publish'],
): { store: LogStore; uncollected: RunStore['uncollected'] } {
  const logs = new Map<string, Log>();
  const keyOf = (runId: string, source: LogSource): string => `${runId}/${source}`;
  const shown = (runId: string): LogSource | undefined => {
    const posted = logs.get(keyOf(runId, 'posted'));
    const pulled = logs.get(keyOf(runId, 'pulled'));
    if (posted !== undefined && (posted.closed || pulled === undefined)) return 'posted';
    return pulled === undefined ? undefined : 'pulled';
  };
  const open = (runId: string, source: LogSource): Log => {
    if (!runs.has(runId)) throw new RunnerError('not_found', 'there is no such run');
    const log = logs.get(keyOf(runId, source)) ?? { rawTo: 0, closed: false, writtenAt: clock.now(), chunks: [] };
    logs.set(keyOf(runId, source), log);
    return log;
  };

  const store: LogStore = {
    append: async (runId, source, { rawFrom, rawTo, text }) => {
      const log = open(runId, source);
      const from = rawFrom ?? log.rawTo;
      const to = rawTo ?? from + Buffer.byteLength(text);
      if (log.closed || to <= log.rawTo) return log.rawTo;
      if (from > log.rawTo) put(log, `[bytes ${log.rawTo} to ${from} are missing]\n`);
      put(log, text);
      log.rawTo = to;
      log.writtenAt = clock.now();
      await publish({ kind: 'log', runId });
      return log.rawTo;
    },
    close: async (runId, source) => {
      open(runId, source).closed = true;
      await publish({ kind: 'log', runId });
    },
    state: (runId, source) => {
      const log = logs.get(keyOf(runId, source));
      return Promise.resolve(log && { rawTo: log.rawTo, closed: log.closed, chunks: log.chunks.length });
    },
    read: (runId, index, source = shown(runId)) => {
      const log = source === undefined ? undefined : logs.get(keyOf(runId, source));
      if (source === undefined || log === undefined) {
        return Promise.resolve({ text: undefined, total: 0, closed: false });
      }
      return Promise.resolve({ text: log.chunks[index], total: log.chunks.length, closed: log.closed, source });
    },
    runsOf: (entityId, limit) =>
      Promise.resolve(
        [...runs.values()]
          .map(({ row }) => row)
          .filter((row) => row.entityId === entityId && shown(row.record.runId) !== undefined)
          .map((row) => row.record.runId)
          .reverse()
          .slice(0, limit),
      ),
    expire: (before) => {
      const gone = [...logs].filter(([, log]) => log.writtenAt < before);
      for (const [key] of gone) logs.delete(key);
      return Promise.resolve(new Set(gone.map(([key]) => key.split('/')[0])).size);
    },
  };

  const uncollected: RunStore['uncollected'] = (agentId, endedAfter, limit) =>
    Promise.resolve(
      [...runs.values()]
        .reverse()
        .map(({ row }) => row.record)
        .filter((record) => record.agentId === agentId && record.accepted)
        .filter((record) => !isClosed(record) || (record.endedAt ?? 0) > endedAfter)
        .filter((record) => logs.get(keyOf(record.runId, 'pulled'))?.closed !== true)
        .sort((a, b) => Number(isClosed(a)) - Number(isClosed(b)))
        .slice(0, limit),
    );
  return { store, uncollected };
}

/** Behind the last chunk, which grows up to its limit; cut between characters, never inside one. */
function put(log: Log, text: string): void {
  let last = log.chunks.at(-1) ?? '';
  if (log.chunks.length === 0) log.chunks.push('');
  let room = CHUNK_BYTES - Buffer.byteLength(last);
  for (const character of text) {
    const bytes = Buffer.byteLength(character);
    if (bytes > room) {
      log.chunks[log.chunks.length - 1] = last;
      log.chunks.push('');
      last = '';
      room = CHUNK_BYTES;
    }
    last += character;
    room -= bytes;
  }
  log.chunks[log.chunks.length - 1] = last;
}
