import type { Clock } from '@runner/core';
import { isAbort } from '@runner/core';
import { isClosed } from '@runner/protocol/server';
import type { LogPosition, RunLogs } from '../gateway/ports.ts';
import type { JsonObject, Store } from '../store/ports.ts';
import { formatLogCursor } from './log-cursor.ts';
import type { ServerEvent } from './sse.ts';

export interface LogEventsDeps {
  readonly store: Pick<Store, 'runs' | 'logs'>;
  readonly clock: Clock;
  readonly logs: RunLogs;
}

/** A stream is ended after this long; its reader resumes with the last `after`. */
const LONGEST_STREAM_MS = 60 * 60_000;
/** A run that ended without a log (it was refused, or its runner is gone) is waited for no longer than this. */
const NO_LOG_MS = 60_000;
const CHECK_MS = 5_000;

/** A log as OpenMetadata's LogStreamEvents: `logs` with text and a cursor, at last `complete` with the reason. */
export async function* logEvents(
  deps: LogEventsDeps,
  runId: string,
  from: LogPosition,
  signal: AbortSignal,
): AsyncIterable<ServerEvent> {
  const enough = new AbortController();
  const watching = AbortSignal.any([signal, enough.signal]);
  let ending: { readonly reason: string; readonly error?: unknown } = { reason: 'runFinished' };
  const end: End = (reason, error) => {
    ending = { reason, error };
    enough.abort();
  };
  const watch = watchForEnd(deps, runId, watching, end);
  let position = from;
  try {
    for await (const update of deps.logs.follow(runId, from, watching)) {
      position = update.next;
      const after = formatLogCursor(position);
      if (update.text !== '') yield event(after, { eventType: 'logs', runId, logs: update.text, after });
      if (update.closed) break;
    }
  } finally {
    enough.abort();
    await watch;
  }
  if (signal.aborted) return;
  if (ending.error !== undefined) throw ending.error;
  const after = formatLogCursor(position);
  yield event(after, { eventType: 'complete', runId, after, reason: ending.reason });
}

type End = (reason: string, error?: unknown) => void;

const event = (id: string, data: JsonObject): ServerEvent => ({ id, data });

/** Ends a stream that would otherwise stay open: nothing will ever come, or it has been open for long enough. */
async function watchForEnd(
  { store, clock }: LogEventsDeps,
  runId: string,
  signal: AbortSignal,
  end: End,
): Promise<void> {
  const until = clock.monotonic() + LONGEST_STREAM_MS;
  try {
    while (!signal.aborted) {
      await clock.sleep(CHECK_MS, signal);
      if (clock.monotonic() >= until) end('maxDuration');
      const run = await store.runs.get(runId);
      const over = run === undefined || (isClosed(run.record) && clock.now() - (run.record.endedAt ?? 0) >= NO_LOG_MS);
      if (over && (await store.logs.read(runId, 0)).total === 0) end('runFinished');
    }
  } catch (error) {
    if (!isAbort(error)) end('failed', error);
  }
}
