import type { RunRecord } from '@runner/protocol/server';
import { isClosed, isCorrectable } from '@runner/protocol/server';

/** What the model knows of a run beside what the system says of it. */
export interface RunNote {
  readonly runId: string;
  /** Somebody outside removed its workload. */
  removed: boolean;
  /** Removed before any agent's `accepted` had reached the store, or while a create was under way: executed once more. */
  removedUnaccepted: number;
  /** Cancelled by a user before it was ever offered. */
  cancelledUnoffered: boolean;
  /** What main wrote over REST, first terminal state. */
  main: 'succeeded' | 'failed' | undefined;
  /** The row is not in the store any more, or was put back to an older state. */
  rowLost: boolean;
  rowOld: boolean;
}

/** The model's own memory, and the list of what was seen to be wrong while a history ran. */
export class Notes {
  readonly runs = new Map<string, RunNote>();
  readonly broken: string[] = [];

  submitted(runId: string): void {
    this.runs.set(runId, {
      runId,
      removed: false,
      removedUnaccepted: 0,
      cancelledUnoffered: false,
      main: undefined,
      rowLost: false,
      rowOld: false,
    });
  }

  /** `kept`: the rows of the copy; undefined: the store was wiped. What happened since the copy is gone with the store. */
  storeReplaced(kept: readonly RunRecord[] | undefined): void {
    const rows = new Map(kept?.map((row) => [row.runId, row]));
    for (const note of this.runs.values()) {
      const row = rows.get(note.runId);
      note.rowLost ||= row === undefined;
      note.rowOld ||= row !== undefined;
      note.main = row?.writtenBy === 'main' && isClosed(row) ? (row.state as 'succeeded' | 'failed') : undefined;
      note.cancelledUnoffered = false;
    }
  }

  /** No terminal state ever changes into a poorer one. */
  changed(before: RunRecord | undefined, after: RunRecord): void {
    if (before === undefined || !isClosed(before) || before.state === after.state) return;
    const byMain = after.writtenBy === 'main' && before.writtenBy !== 'main';
    const byExitStep = after.writtenBy === 'exitStep' && !['main', 'exitStep'].includes(before.writtenBy);
    if (byMain || byExitStep || isCorrectable(before, after.endedAt ?? before.endedAt ?? 0)) return;
    this.broken.push(`terminal state degraded: ${before.runId} went from ${describe(before)} to ${describe(after)}`);
  }
}

const describe = (row: RunRecord): string =>
  `${row.state} (${row.writtenBy}${row.outcome === undefined ? '' : ', outcome seen'})`;
