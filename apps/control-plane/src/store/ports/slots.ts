/** Makes a scheduled slot fire once, whatever the number of replicas. */
export interface SlotStore {
  /** True for the one caller who may fire this slot. */
  take(pipelineId: string, slot: number): Promise<boolean>;
  /** Records what came of it: `fired` with a runId, or `skipped` with why. */
  record(pipelineId: string, slot: number, result: { fired?: string; skipped?: string }): Promise<void>;
  last(pipelineId: string): Promise<{ slot: number; fired?: string; skipped?: string } | undefined>;
  history(pipelineId: string, limit: number): Promise<readonly { slot: number; fired?: string; skipped?: string }[]>;
}
