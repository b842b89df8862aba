import type { JsonObject } from './json.ts';

/** The newest ProgressUpdate of a run. Only the last one is kept; readers poll, so that any replica can answer them. */
export interface ProgressRow {
  readonly runId: string;
  readonly update: JsonObject;
  /** Rises by one with each write. */
  readonly sequence: number;
  readonly updatedAt: number;
}

export interface ProgressStore {
  /** Rejects with `not_found` when the run does not exist; goes with its run. */
  put(runId: string, update: JsonObject): Promise<void>;
  get(runId: string): Promise<ProgressRow | undefined>;
}
