import type { RunRecord, RunState } from '@runner/protocol/server';

/** The states that are ever sent towards OpenMetadata; `stopped` is not known to older servers. */
export type PipelineState = 'queued' | 'running' | 'success' | 'failed' | 'partialSuccess';

/** What a workload may send; `stopped` of newer images counts as failed. */
export const INCOMING_STATES = ['queued', 'running', 'success', 'failed', 'partialSuccess', 'stopped'] as const;
export type IncomingState = (typeof INCOMING_STATES)[number];

const TOWARDS_OPENMETADATA: Readonly<Record<RunState, PipelineState>> = {
  queued: 'queued',
  accepted: 'queued',
  pending: 'queued',
  running: 'running',
  cancelling: 'running',
  succeeded: 'success',
  partiallySucceeded: 'partialSuccess',
  failed: 'failed',
  cancelled: 'failed',
  refused: 'failed',
  lost: 'failed',
};

/** How OpenMetadata names the state of a run; a run that never started stays `queued` while it is being cancelled. */
export function pipelineStateOf(record: RunRecord): PipelineState {
  if (record.state === 'cancelling' && record.startedAt === undefined) return 'queued';
  return TOWARDS_OPENMETADATA[record.state];
}

/** Whether a PipelineStatus says that the run is over. */
export function isTerminalPipelineState(state: unknown): boolean {
  return state === 'success' || state === 'failed' || state === 'partialSuccess' || state === 'stopped';
}

const FROM_OPENMETADATA = {
  running: 'running',
  success: 'succeeded',
  partialSuccess: 'partiallySucceeded',
  failed: 'failed',
  stopped: 'failed',
} as const;

/** What a workload's own status means for its run; `queued` means nothing. */
export function runStateOf(
  state: IncomingState,
): (typeof FROM_OPENMETADATA)[keyof typeof FROM_OPENMETADATA] | undefined {
  return state === 'queued' ? undefined : FROM_OPENMETADATA[state];
}

const TASK_KEYS: ReadonlyMap<string, string> = new Map([
  ['metadata', 'ingestion_task'],
  ['profiler', 'profiler_task'],
  ['autoClassification', 'auto_classification_task'],
  ['lineage', 'lineage_task'],
  ['dbt', 'dbt_task'],
  ['usage', 'usage_task'],
  ['TestSuite', 'test_suite_task'],
  ['dataInsight', 'data_insight_task'],
  ['elasticSearchReindex', 'elasticsearch_reindex_task'],
  ['application', 'application_task'],
]);

/** Key of a log answer (`{"ingestion_task": "…"}`), as OpenMetadata's UI looks it up. */
export function taskKeyOf(pipelineType: string): string {
  return TASK_KEYS.get(pipelineType) ?? 'ingestion_task';
}
