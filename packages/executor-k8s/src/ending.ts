import { isRunnerError } from '@runner/core';
import type { EndIntent, Observation } from '@runner/executor';
import { executorError, isEnded } from '@runner/executor';
import type { Job } from '@runner/kube';
import { JOBS } from '@runner/kube';
import { ANNOTATIONS, endLivePods, intentOf, intentText } from '@runner/kube/runs';
import { keepJob } from './kept.ts';
import { judged, readRun } from './looking.ts';
import type { K8sParts } from './parts.ts';
import type { JobSight } from './sight.ts';
import { isShelved } from './sight.ts';

/** Somebody else changes the Job at the same time: its controller, or another agent. Each try reads it anew. */
const TRIES = 12;

/**
 * Ends a run where it stands: one patch writes the intent on the Job and makes its deadline pass, upon which its
 * controller takes the pods. The Job stays, with what it was ended for. Throws `executor_unavailable` when others have
 * changed the Job before each of the tries.
 */
export async function endRun(
  parts: K8sParts,
  runId: string,
  intent: EndIntent,
  signal: AbortSignal,
  tries = TRIES,
): Promise<Observation> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const sight = await readRun(parts, runId, signal);
    const seen = await judged(parts, sight, signal);
    if (seen.presence !== 'present' || isEnded(seen)) return seen;
    if (sight.job === undefined) return await endLoosePods(parts, sight, signal);
    if (isAsked(sight.job)) return seen;
    const patched = await patchJob(parts, sight.job, intent, signal);
    if (patched !== undefined) return await judged(parts, { ...sight, job: patched }, signal);
  }
  throw executorError('executor_unavailable', 'The Job was changed by others each time the intent was to be written.');
}

/** True when there is nothing to add: the intent stands, and so does what makes it come true. */
function isAsked(job: Job): boolean {
  if (intentOf(job) === undefined) return false;
  return job.spec?.activeDeadlineSeconds === 1 && (job.spec.suspend !== true || isShelved(job));
}

/** The Job with the intent, or undefined when it has changed or gone meanwhile. */
async function patchJob(
  { api, namespace, clock }: K8sParts,
  job: Job,
  intent: EndIntent,
  signal: AbortSignal,
): Promise<Job | undefined> {
  const { name = '', resourceVersion, annotations } = job.metadata ?? {};
  const patch = {
    metadata: {
      resourceVersion,
      // The first intent counts.
      annotations: { [ANNOTATIONS.intent]: annotations?.[ANNOTATIONS.intent] ?? intentText(intent, clock.now()) },
    },
    spec: {
      // Counted from the start of the Job, so for one that has run for a second it has passed.
      activeDeadlineSeconds: 1,
      // The deadline of a suspended Job does not count; without room for a pod it can never start one.
      ...(job.spec?.suspend === true ? { parallelism: 0 } : {}),
    },
  };
  try {
    const patched = await api.patch(JOBS, namespace, name, patch, { signal });
    return patched === undefined ? undefined : keepJob(patched);
  } catch (error) {
    if (isRunnerError(error, 'kube_conflict')) return undefined;
    throw error;
  }
}

/**
 * Pods that were kept when their Job was deleted have no Job to patch. They are the one thing that is deleted to end it;
 * there is nowhere to write the intent.
 */
async function endLoosePods(parts: K8sParts, sight: JobSight, signal: AbortSignal): Promise<Observation> {
  await endLivePods(parts, sight.pods, signal);
  return await judged(parts, await readRun(parts, sight.runId, signal), signal);
}
