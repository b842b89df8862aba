import type { Clock } from '@runner/core';
import type { RunBook } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import type { LogPage, LogSource, LogStore, Signals } from '../store/ports.ts';
import type { LogPosition, LogUpdate, RunLogs } from './ports.ts';

export interface RunLogsOptions {
  readonly logs: Pick<LogStore, 'read' | 'state'>;
  readonly runs: Pick<RunBook, 'get'>;
  readonly signals: Signals;
  readonly clock: Clock;
  /** A signal may be lost: the store is looked at again after this many milliseconds anyway. Default 2,000. */
  readonly lookEveryMs?: number;
}

export interface RunLogsRoom extends RunLogs {
  close(): void;
}

/** The log of a run that ended this long ago without being closed is not waited for any longer. */
const STRAGGLER_MS = 120_000;

/** Readers of stored logs. They are woken by signals, so a reader costs nothing while its log is quiet. */
export function createRunLogs(options: RunLogsOptions): RunLogsRoom {
  const { logs, runs, signals, clock, lookEveryMs = 2_000 } = options;
  const sleepers = new Map<string, Set<() => void>>();
  const wakeAll = (): void => {
    for (const wakers of sleepers.values()) for (const wake of wakers) wake();
  };
  const close = signals.subscribe((event) => {
    if (event.kind === 'log') for (const wake of sleepers.get(event.runId) ?? []) wake();
  }, wakeAll);

  /** Nobody will close this log: its run ended a while ago, or the workload's own log has taken its place. */
  const isForsaken = async (runId: string, source: LogSource | undefined): Promise<boolean> => {
    const record = await runs.get(runId);
    if (record === undefined) return true;
    if (source === 'pulled' && (await logs.state(runId, 'posted'))?.closed === true) return true;
    return isClosed(record) && record.endedAt !== undefined && clock.now() - record.endedAt > STRAGGLER_MS;
  };

  async function* follow(runId: string, from: LogPosition, signal: AbortSignal): AsyncGenerator<LogUpdate, void> {
    const alarm = createAlarm(sleepers, runId);
    let position = from;
    let source: LogSource | undefined;
    try {
      while (!signal.aborted) {
        alarm.reset();
        const page = await logs.read(runId, position.index, source);
        source ??= page.source;
        const step = nextStep(page, position);
        position = step.update.next;
        if (step.update.text !== '' || step.update.closed) yield step.update;
        if (step.update.closed) return;
        if (!step.wait) continue;
        const news = await alarm.ring(clock, lookEveryMs, signal);
        if (!news && (await isForsaken(runId, source))) {
          yield { text: '', next: position, total: page.total, closed: true };
          return;
        }
      }
    } finally {
      alarm.remove();
    }
  }
  return { follow, close };
}

/** What a page means to a reader who has read up to `position`. */
function nextStep(page: LogPage, position: LogPosition): { readonly update: LogUpdate; readonly wait: boolean } {
  const { total } = page;
  if (page.text === undefined) {
    const closed = page.closed && position.index >= total;
    return { update: { text: '', next: position, total, closed }, wait: !closed };
  }
  if (page.cut !== undefined) {
    return {
      update: { text: page.text, next: { index: page.cut.next, offset: 0 }, total, closed: false },
      wait: false,
    };
  }
  const text = page.text.slice(position.offset);
  const last = position.index >= total - 1;
  const next = last ? { index: position.index, offset: page.text.length } : { index: position.index + 1, offset: 0 };
  const closed = last && page.closed;
  return { update: { text, next, total, closed }, wait: last && !closed };
}

interface Alarm {
  /** Forgets what rang before. */
  reset(): void;
  /** True when it rang since `reset`; false when the time is over or the signal was aborted. */
  ring(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean>;
  remove(): void;
}

function createAlarm(sleepers: Map<string, Set<() => void>>, runId: string): Alarm {
  let rang = new AbortController();
  const wake = (): void => rang.abort();
  const wakers = sleepers.get(runId) ?? new Set();
  sleepers.set(runId, wakers.add(wake));
  return {
    reset: () => {
      rang = new AbortController();
    },
    ring: async (clock, ms, signal) => {
      await clock.sleep(ms, AbortSignal.any([rang.signal, signal])).catch(() => undefined);
      return rang.signal.aborted;
    },
    remove: () => {
      wakers.delete(wake);
      if (wakers.size === 0 && sleepers.get(runId) === wakers) sleepers.delete(runId);
    },
  };
}
