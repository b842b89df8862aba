import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '@runner/core';
import { isClosed } from '@runner/protocol/server';
import type { Store } from '../store/ports.ts';
import { shown } from './run-document.ts';
import type { Run } from './run-document.ts';
import type { ServerEvent } from './sse.ts';

const POLL_MS = 1_000;
/** A stream is ended after this long; its reader comes back. */
const LONGEST_STREAM_MS = 60 * 60_000;

/** The run as it is now, and again whenever something of it changed, until it has ended. */
export async function* runEvents(
  { store, clock }: { readonly store: Pick<Store, 'runs'>; readonly clock: Clock },
  runId: string,
  signal: AbortSignal,
): AsyncIterable<ServerEvent> {
  const until = clock.monotonic() + LONGEST_STREAM_MS;
  let told: Run | undefined;
  while (!signal.aborted && clock.monotonic() < until) {
    const row = await store.runs.get(runId);
    if (row === undefined) return;
    const run = shown(row);
    if (!isDeepStrictEqual(run, told)) yield { data: run };
    told = run;
    if (isClosed(row.record)) return;
    await clock.sleep(POLL_MS, signal);
  }
}
