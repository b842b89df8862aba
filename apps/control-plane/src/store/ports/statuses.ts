import type { JsonObject } from './json.ts';

/** OpenMetadata's PipelineStatus of one run, and who wrote it (decisions.md 8). */
export interface StatusRow {
  readonly pipelineFqn: string;
  readonly runId: string;
  /** The whole document; the PUT replaces it. */
  readonly status: JsonObject;
  readonly writtenBy: 'main' | 'exitStep' | 'runner' | 'controlPlane';
  readonly updatedAt: number;
}

export interface StatusStore {
  /** Atomic read-modify-write; creates when `change(undefined)` returns a row. */
  update(
    pipelineFqn: string,
    runId: string,
    change: (row: StatusRow | undefined) => Pick<StatusRow, 'status' | 'writtenBy'> | undefined,
  ): Promise<StatusRow | undefined>;
  get(pipelineFqn: string, runId: string): Promise<StatusRow | undefined>;
  /** Newest first by `timestamp`. */
  list(pipelineFqn: string, query: { startTs?: number; endTs?: number; limit: number }): Promise<readonly StatusRow[]>;
  remove(pipelineFqn: string, runId?: string): Promise<number>;
}
