import type { RunRecord } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';

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
  /** The row is not in the store any more: another control plane's, or an older copy came back that lacks it. */
  rowLost: boolean;
  /** The row was put back to an older state; `offeredAgain`: to one in which no agent had accepted it. */
  rowOld: boolean;
  offeredAgain: boolean;
  cancelAsked: boolean;
  /** How often it had been executed when an agent's `cancelled` closed it: nothing exists and nothing will. */
  cancelConfirmed: number | undefined;
  /** The control plane asked to remove the record of its ended workload. */
  discardAsked: boolean;
}

/** The model's own memory, and the list of what was seen to be wrong while a history ran. */
export class Notes {
  readonly runs = new Map<string, RunNote>();
  readonly broken: string[] = [];
  /** Frames that the control plane ignored, and counted. */
  ignored = 0;
  /** Runs of which some agent said `accepted` in so many words. */
  readonly saidAccepted = new Set<string>();

  submitted(runId: string): void {
    this.runs.set(runId, {
      runId,
      removed: false,
      removedUnaccepted: 0,
      cancelledUnoffered: false,
      main: undefined,
      rowLost: false,
      rowOld: false,
      offeredAgain: false,
      cancelAsked: false,
      cancelConfirmed: undefined,
      discardAsked: false,
    });
  }

  /** `kept`: the rows of the copy; undefined: the store was wiped. What happened since the copy is gone with the store. */
  storeReplaced(kept: readonly RunRecord[] | undefined): void {
    const rows = new Map(kept?.map((row) => [row.runId, row]));
    for (const note of this.runs.values()) {
      const row = rows.get(note.runId);
      note.rowLost ||= row === undefined;
      note.rowOld ||= row !== undefined;
      note.offeredAgain ||= row?.accepted !== true;
      note.main = row?.writtenBy === 'main' && isClosed(row) ? (row.state as 'succeeded' | 'failed') : undefined;
      note.cancelledUnoffered = false;
      note.cancelConfirmed = undefined;
    }
  }

  /** A row was written, while its run had been executed so often and its workload stood, or did not. */
  changed(before: RunRecord | undefined, after: RunRecord, facts: { executions: number; stands: boolean }): void {
    const { runId } = after;
    const note = this.runs.get(runId);
    if (before !== undefined && !before.accepted && after.accepted && !this.saidAccepted.has(runId)) {
      this.broken.push(`accepted unasked: no agent ever said that it accepted ${runId}`);
    }
    const confirmed = after.state === 'cancelled' && after.writtenBy === 'runner' && after.outcome === undefined;
    if (note !== undefined && confirmed) note.cancelConfirmed ??= facts.executions;
    const given = ['lost', 'refused'].includes(after.state) && before?.state !== after.state;
    if (given && facts.stands && note?.offeredAgain === false) {
      this.broken.push(`closed in error: ${runId} is called ${after.state}, and its workload stands`);
    }
    this.#degraded(before, after);
  }

  /** No terminal state ever changes into a poorer one. */
  #degraded(before: RunRecord | undefined, after: RunRecord): void {
    if (before === undefined || !isClosed(before) || before.state === after.state) return;
    const byMain = after.writtenBy === 'main' && before.writtenBy !== 'main';
    // Nobody has seen it end, and nobody who knows better has said so.
    const guessed = before.outcome === undefined && ['runner', 'controlPlane'].includes(before.writtenBy);
    if (byMain || guessed) return;
    this.broken.push(`terminal state degraded: ${before.runId} went from ${describe(before)} to ${describe(after)}`);
  }
}

const describe = (row: RunRecord): string =>
  `${row.state} (${row.writtenBy}${row.outcome === undefined ? '' : ', outcome seen'})`;
