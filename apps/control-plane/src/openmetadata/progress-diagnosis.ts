import type { RunRecord } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import type { JsonObject } from '../store/ports.ts';
import { OWN_STEP, endingText } from './pipeline-status.ts';
import { pipelineStateOf } from './states.ts';

/**
 * What a run's diagnosis is among its progress: a report in OpenMetadata's form, with the diagnosis beside it. A workload
 * that is stuck reports nothing itself. Undefined: there is nothing to say.
 */
export function diagnosisReport(record: RunRecord, now: number): JsonObject | undefined {
  const { runId, diagnosis } = record;
  if (diagnosis === undefined) return undefined;
  const failed = isClosed(record) && pipelineStateOf(record) === 'failed';
  return {
    runId,
    timestamp: now,
    updateType: failed ? 'ERROR' : 'PROCESSING',
    stepName: OWN_STEP,
    message: endingText(record),
    diagnosis: { ...diagnosis },
  };
}
