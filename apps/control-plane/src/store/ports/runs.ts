import type { RunRecord, RunStart } from '@runner/protocol/server';

/** What a run is about, beside what the bridge keeps of it. */
export interface RunRow {
  readonly record: RunRecord;
  readonly kind: 'pipeline' | 'automation' | 'application';
  /** Pipeline, automation workflow or app. */
  readonly entityId: string;
  readonly entityFqn: string;
  readonly start: RunStart;
  /** `manual`, `schedule`, `retry`, `api`. */
  readonly trigger: string;
  /** Scheduled slot, epoch milliseconds. */
  readonly slot?: number;
  readonly retryOf?: string;
  readonly attempt: number;
  readonly createdBy: string;
  /** JWT ids of the run token and the exit step's token. */
  readonly runTokenId: string;
  readonly exitTokenId: string;
}

export interface NewRun extends Omit<RunRow, 'record'> {
  readonly record: RunRecord;
  /** How many open runs of this entity there may be, this one included. */
  readonly concurrency: number;
}

export type RunChange = (row: RunRow) => RunRecord | undefined;

export interface RunStore {
  /**
   * Inserts the row unless the entity has `concurrency` open runs already: then rejects with `run_in_progress` whose
   * details hold the open runId. Race-free across replicas. Publishes `runs` on the bus.
   */
  create(run: NewRun): Promise<RunRow>;
  get(runId: string): Promise<RunRow | undefined>;
  /** Newest first. */
  ofEntity(entityId: string, limit: number): Promise<readonly RunRow[]>;
  openOfEntity(entityId: string): Promise<readonly RunRow[]>;
  /** All open rows, for the clocks that close what nobody answers (abandoned, runner_unavailable) and for retries. */
  open(limit: number, afterRunId?: string): Promise<readonly RunRow[]>;
  /** Atomic read-modify-write of the record; publishes `runs` when `want` changed. */
  update(runId: string, change: RunChange): Promise<RunRow>;
  /**
   * Closed rows whose ending has not been settled (status row, retry, automation) yet, in order of runId and beginning
   * behind `afterRunId`: a row that waits for its retry stays unsettled for minutes and must not hide the others.
   */
  unsettled(limit: number, afterRunId?: string): Promise<readonly RunRow[]>;
  /**
   * With `state`: only if the run still is in that state, so that a correction (lost → succeeded) between reading and
   * marking is settled again. A later change of a closed row makes it unsettled by itself.
   */
  markSettled(runId: string, state?: RunRecord['state']): Promise<void>;
  /**
   * Accepted runs of this agent whose pulled log is not closed yet, open ones first, then newest first. Closed rows count
   * for as long as they are younger than `endedAfter`.
   */
  uncollected(agentId: string, endedAfter: number, limit: number): Promise<readonly RunRecord[]>;
  /** Removes rows of a deleted entity; refuses open ones. */
  removeOfEntity(entityId: string): Promise<void>;
}
