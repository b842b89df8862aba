import { isRunnerError } from '@runner/core';
import { executorError, isEnded } from '@runner/executor';
import { readRun } from './looking.ts';
import { judge } from './observation.ts';
import type { ArgoParts } from './parts.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/** Deletes the Workflow of a run that has ended; its pods go with it. */
export async function discardRun(parts: ArgoParts, runId: string, signal: AbortSignal): Promise<void> {
  const sight = await readRun(parts, runId, signal);
  const seen = judge(sight, parts.context());
  // Of what is not found there is nothing to delete, proven or not.
  if (seen.presence === 'absent' || sight.unprovenMs !== undefined) return;
  if (seen.presence === 'unknown') {
    throw executorError('executor_unavailable', `The run cannot be judged: ${seen.reason}.`);
  }
  if (!isEnded(seen)) throw executorError('still_live', `The workload of run ${runId} has not ended.`);
  const { name, uid } = sight.workflow?.metadata ?? {};
  if (name === undefined || uid === undefined) return;
  try {
    await parts.argo.workflows.delete(WORKFLOWS, parts.namespace, name, { uid, propagation: 'Background', signal });
  } catch (error) {
    // Another object of this name: the one that was meant is gone.
    if (!isRunnerError(error, 'kube_conflict')) throw error;
  }
}
