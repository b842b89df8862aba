import { isRunnerError } from '@runner/core';
import { executorError, isEnded } from '@runner/executor';
import type { KubeObject, ResourceType } from '@runner/kube';
import { JOBS, PODS } from '@runner/kube';
import { readRun } from './looking.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';

/** Deletes the Job of a run that has ended; its pods and its config go with it. */
export async function discardRun(parts: K8sParts, runId: string, signal: AbortSignal): Promise<void> {
  const sight = await readRun(parts, runId, signal);
  const seen = judge(sight, parts.context());
  if (seen.presence === 'absent') return;
  if (seen.presence === 'unknown')
    throw executorError('executor_unavailable', `The run cannot be judged: ${seen.reason}.`);
  if (!isEnded(seen)) throw executorError('still_live', `The workload of run ${runId} has not ended.`);
  if (sight.job !== undefined) {
    await remove(parts, JOBS, sight.job, signal);
    return;
  }
  // Pods that were kept when their Job was deleted.
  for (const pod of sight.pods) await remove(parts, PODS, pod, signal);
}

async function remove(parts: K8sParts, type: ResourceType, object: KubeObject, signal: AbortSignal): Promise<void> {
  const { name, uid } = object.metadata ?? {};
  if (name === undefined || uid === undefined) return;
  try {
    await parts.api.delete(type, parts.namespace, name, { uid, propagation: 'Background', signal });
  } catch (error) {
    // Another object of this name: the one that was meant is gone.
    if (!isRunnerError(error, 'kube_conflict')) throw error;
  }
}
