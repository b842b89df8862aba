import type { RunnerError } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { EndIntent, Observation } from '@runner/executor';
import { executorError, isEnded } from '@runner/executor';
import type { StoredIntent } from '@runner/kube/runs';
import { ANNOTATIONS, endLivePods, intentText, isLeaving } from '@runner/kube/runs';
import { intentOfWorkflow } from './intents.ts';
import { keepWorkflow } from './kept.ts';
import { judged, readRun } from './looking.ts';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import type { Workflow } from './workflow/objects.ts';

/** The controller changes the Workflow at the same time. Each try reads it anew. */
const TRIES = 12;

/**
 * Ends a run where it stands: the Workflow is stopped, upon which Argo ends its pod and runs the exit step. Where the place
 * keeps it, the intent is written on the Workflow in the same call; else this process remembers it. The Workflow stays.
 */
export async function endRun(
  parts: ArgoParts,
  runId: string,
  intent: EndIntent,
  signal: AbortSignal,
): Promise<Observation> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const sight = await readRun(parts, runId, signal);
    const seen = await judged(parts, sight, signal);
    if (seen.presence !== 'present' || isEnded(seen)) return seen;
    if (sight.workflow === undefined) return await endLoosePods(parts, sight, signal);
    if (isAsked(parts, sight.workflow)) return seen;
    const stopped = await stop(parts, sight.workflow, { ...intent, at: parts.clock.now() }, signal);
    if (stopped !== undefined) return await judged(parts, { ...sight, workflow: stopped }, signal);
  }
  throw executorError(
    'executor_unavailable',
    'The Workflow was changed by others each time the intent was to be written.',
  );
}

/**
 * True when there is nothing to add. A Workflow that somebody stops keeps no intent of ours: it came later. One that is
 * suspended does not end, stopped or not.
 */
function isAsked({ intents }: ArgoParts, workflow: Workflow): boolean {
  if (workflow.spec?.suspend === true) return false;
  const isStopped = (workflow.spec?.shutdown ?? '') !== '';
  return isStopped || (intentOfWorkflow(workflow, intents) !== undefined && isLeaving(workflow));
}

/** The Workflow as it is then, or undefined when it has changed or gone meanwhile. */
async function stop(
  { argo, namespace, intents }: ArgoParts,
  workflow: Workflow,
  intent: StoredIntent,
  signal: AbortSignal,
): Promise<Workflow | undefined> {
  const { name = '', uid = '', resourceVersion, annotations } = workflow.metadata ?? {};
  const isNew = !intents.has(uid);
  // Before the call: the watch may show what comes of it before the answer is here.
  if (!argo.keepsAnnotations) intents.remember(uid, intent);
  // The first intent counts.
  const text = annotations?.[ANNOTATIONS.intent] ?? intentText(intent, intent.at);
  try {
    const stopped = await argo.shutdown(namespace, name, 'Stop', {
      ...(argo.keepsAnnotations ? { annotations: { [ANNOTATIONS.intent]: text } } : {}),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      signal,
    });
    return stopped === undefined ? undefined : keepWorkflow(stopped);
  } catch (error) {
    // Whether it was applied is not known when the answer got lost; refused, nothing was asked of the Workflow.
    if (isNew && isRunnerError(error) && !error.retryable && !isAfterStop(error)) intents.forget(uid);
    if (isRunnerError(error, 'kube_conflict')) return undefined;
    throw error;
  }
}

/** It is stopped, and may not be let go on. */
const isAfterStop = ({ details }: RunnerError): boolean => details['verb'] === 'resume';

/** Pods that were kept when their Workflow was deleted have nothing else to be ended by than being deleted. */
async function endLoosePods(parts: ArgoParts, sight: WorkflowSight, signal: AbortSignal): Promise<Observation> {
  const { kube, namespace } = parts;
  if (kube !== undefined) await endLivePods({ api: kube, namespace }, sight.pods, signal);
  return await judged(parts, await readRun(parts, sight.runId, signal), signal);
}
