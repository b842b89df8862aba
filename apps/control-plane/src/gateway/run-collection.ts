import type { Clock } from '@runner/core';
import type { Bridge, RunBook } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import type { LogStore } from '../store/ports.ts';
import { PieceWriter } from './piece-writer.ts';

export interface CollectionDeps {
  readonly bridge: Pick<Bridge, 'readLog'>;
  readonly logs: Pick<LogStore, 'append' | 'close' | 'state'>;
  readonly runs: Pick<RunBook, 'get'>;
  readonly clock: Clock;
}

/** What one attempt at a run's log came to. */
export type Collected =
  /** The log is stored to its end and closed. */
  | 'complete'
  /** The agent cannot give it now: pending workload, rotation, trouble of its own. */
  | 'later'
  /** The session is over; a new one begins anew. */
  | 'session';

/** Reads one run's log from where the store ends, follows it, and stores it. */
export async function collectRun(
  deps: CollectionDeps,
  agentId: string,
  runId: string,
  signal: AbortSignal,
): Promise<Collected> {
  const { bridge, logs, clock } = deps;
  const state = await logs.state(runId, 'pulled');
  if (state?.closed === true) return 'complete';
  const from = state?.rawTo ?? 0;
  const writer = new PieceWriter({ from, clock, append: (piece) => logs.append(runId, 'pulled', piece) });
  let reason = 'session';
  try {
    for await (const piece of bridge.readLog(agentId, { runId, fromByte: from, follow: true, signal })) {
      if (piece.kind === 'end') ({ reason } = piece);
      else await writer.add(piece);
    }
  } finally {
    await writer.flush();
  }
  if (reason === 'complete' || (reason === 'not_found' && (await isOver(deps, runId)))) {
    await logs.close(runId, 'pulled');
    return 'complete';
  }
  return reason === 'session' || reason === 'closed' ? 'session' : 'later';
}

/** A workload that has ended and has no log (any more) will never have one; one that is to come may not be there yet. */
async function isOver({ runs }: CollectionDeps, runId: string): Promise<boolean> {
  const record = await runs.get(runId);
  return record === undefined || isClosed(record);
}
