import type { Clock } from '@runner/core';
import type { LogPosition, RunLogs } from '../gateway/ports.ts';
import type { JsonObject } from '../store/ports.ts';
import { formatLogCursor } from './log-cursor.ts';
import type { ServerEvent } from './sse.ts';

export interface LogEventsDeps {
  readonly clock: Clock;
  readonly logs: RunLogs;
}

/** A stream is ended after this long; its reader resumes with the last `after`. */
export const LONGEST_LOG_STREAM_MS = 60 * 60_000;

/** A log as OpenMetadata's LogStreamEvents: `logs` with text and a cursor, at last `complete` with the reason. */
export async function* logEvents(
  { clock, logs }: LogEventsDeps,
  runId: string,
  from: LogPosition,
  signal: AbortSignal,
): AsyncIterable<ServerEvent> {
  const enough = new AbortController();
  const timer = clock.setTimer(LONGEST_LOG_STREAM_MS, () => enough.abort());
  let position = from;
  try {
    for await (const update of logs.follow(runId, from, AbortSignal.any([signal, enough.signal]))) {
      position = update.next;
      const after = formatLogCursor(position);
      if (update.text !== '') yield event(after, { eventType: 'logs', runId, logs: update.text, after });
      if (update.closed) break;
    }
  } finally {
    timer.cancel();
  }
  if (signal.aborted) return;
  const after = formatLogCursor(position);
  const reason = enough.signal.aborted ? 'maxDuration' : 'runFinished';
  yield event(after, { eventType: 'complete', runId, after, reason });
}

const event = (id: string, data: JsonObject): ServerEvent => ({ id, data });
