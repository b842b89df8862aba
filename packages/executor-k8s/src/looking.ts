import type { Observation, PresentObservation, WorkloadOwner } from '@runner/executor';
import { AGENT_LABEL, RUN_ID_LABEL, isEnded, isRunId, labelValue, ownerLabels } from '@runner/executor';
import type { Job, Pod } from '@runner/kube';
import { JOBS, PODS } from '@runner/kube';
import { runIdOf } from './annotations.ts';
import { keepJob, keepPod } from './kept.ts';
import { readLogTail } from './log-tail.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';
import type { RunSight } from './sight.ts';
import { isLivePod, ownerOf, podOf, timeOf } from './sight.ts';

/** Selects everything of one owner. */
export function ownerSelector(owner: WorkloadOwner): string {
  return Object.entries(ownerLabels(owner))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Selects what runners made for one run; others may use the label of its id, too. */
const runSelector = (runId: string): string => `${RUN_ID_LABEL}=${labelValue(runId)},${AGENT_LABEL}`;

/** What the API says of one run now: a quorum read of its Job, then of its pods. */
export async function readRun(parts: K8sParts, runId: string, signal: AbortSignal): Promise<RunSight> {
  if (!isRunId(runId)) return { runId, pods: [] };
  return (
    (await readSights(parts, runSelector(runId), signal)).find((sight) => sight.runId === runId) ?? { runId, pods: [] }
  );
}

/** The same for all runs of one owner. */
export async function readOwner(
  parts: K8sParts,
  owner: WorkloadOwner,
  signal: AbortSignal,
): Promise<readonly RunSight[]> {
  return await readSights(parts, ownerSelector(owner), signal);
}

async function readSights(parts: K8sParts, labelSelector: string, signal: AbortSignal): Promise<readonly RunSight[]> {
  const { api, namespace } = parts;
  // Jobs first: a Job that has ended has no pod that a later list could lack, and a pod's Job is asked for by name.
  const jobs = await api.list(JOBS, namespace, { labelSelector, keep: keepJob, signal });
  const pods = await api.list(PODS, namespace, { labelSelector, keep: keepPod, signal });
  const sights = group(jobs.items, pods.items);
  return await Promise.all(
    sights.map(async (sight) => {
      const job = sight.job ?? (await jobOfPods(parts, sight, signal));
      return noted(parts, job === undefined ? sight : { ...sight, job });
    }),
  );
}

/** The Job of pods that a list of Jobs, taken before, does not show: created in between, or gone. */
async function jobOfPods(parts: K8sParts, { runId, pods }: RunSight, signal: AbortSignal): Promise<Job | undefined> {
  const live = pods.find((pod) => isLivePod(pod) && ownerOf(pod) !== undefined);
  const owner = live === undefined ? undefined : ownerOf(live);
  if (owner === undefined) return undefined;
  const job = await parts.api.get(JOBS, parts.namespace, owner.name, { signal });
  return job === undefined || runIdOf(job) !== runId ? undefined : keepJob(job);
}

function group(jobs: readonly Job[], pods: readonly Pod[]): readonly RunSight[] {
  const sights = new Map<string, { runId: string; job?: Job; pods: Pod[] }>();
  const of = (runId: string): { runId: string; job?: Job; pods: Pod[] } => {
    const sight = sights.get(runId) ?? { runId, pods: [] };
    sights.set(runId, sight);
    return sight;
  };
  for (const job of jobs) {
    const runId = runIdOf(job);
    if (runId === undefined) continue;
    const sight = of(runId);
    sight.job = sight.job === undefined ? job : older(sight.job, job);
  }
  for (const pod of pods) {
    const runId = runIdOf(pod);
    if (runId !== undefined) of(runId).pods.push(pod);
  }
  return [...sights.values()];
}

/** Somebody may have made a copy of a Job, labels and all, under another name. The first one is the run's. */
export function older(one: Job, other: Job): Job {
  const age = (job: Job): number => timeOf(job.metadata?.creationTimestamp) ?? Infinity;
  if (age(one) !== age(other)) return age(other) < age(one) ? other : one;
  return (other.metadata?.name ?? '') < (one.metadata?.name ?? '') ? other : one;
}

/** With the events that were read of it before. */
export function noted(parts: Pick<K8sParts, 'notes'>, sight: RunSight): RunSight {
  const events = parts.notes.get(sight.runId);
  return events === undefined ? sight : { ...sight, events };
}

/** The judgement of what was seen, with the end of the log where it failed. */
export async function judged(parts: K8sParts, sight: RunSight, signal: AbortSignal): Promise<Observation> {
  const seen = judge(sight, parts.context());
  const pod = podOf(sight);
  if (!isFailure(seen) || pod === undefined) return seen;
  const logTail = await readLogTail(parts, pod, signal);
  return logTail === undefined ? seen : judge(sight, { ...parts.context(), logTail });
}

/** What is seen of one run now. */
export async function look(parts: K8sParts, runId: string, signal: AbortSignal): Promise<Observation> {
  return await judged(parts, await readRun(parts, runId, signal), signal);
}

export function isFailure(seen: Observation): seen is PresentObservation {
  return isEnded(seen) && seen.outcome.result === 'failed';
}
