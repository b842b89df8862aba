import type { Observation, WorkloadOwner } from '@runner/executor';
import { isRunId } from '@runner/executor';
import type { Job, Pod } from '@runner/kube';
import { JOBS, PODS } from '@runner/kube';
import {
  isFailure,
  isLivePod,
  keepPod,
  mainStatus,
  noted,
  older,
  ownerSelector,
  readLogTail,
  runIdOf,
  runSelector,
} from '@runner/kube/runs';
import { keepJob } from './kept.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';
import type { JobSight } from './sight.ts';
import { jobOwnerOf, podOf } from './sight.ts';

/** What the API says of one run now: a quorum read of its Job, then of its pods. */
export async function readRun(parts: K8sParts, runId: string, signal: AbortSignal): Promise<JobSight> {
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
): Promise<readonly JobSight[]> {
  return await readSights(parts, ownerSelector(owner), signal);
}

async function readSights(parts: K8sParts, labelSelector: string, signal: AbortSignal): Promise<readonly JobSight[]> {
  const { api, namespace } = parts;
  // Jobs first: a Job that has ended has no pod that a later list could lack, and a pod's Job is asked for by name.
  const jobs = await api.list(JOBS, namespace, { labelSelector, keep: keepJob, signal });
  const pods = await api.list(PODS, namespace, { labelSelector, keep: keepPod, signal });
  const sights = group(jobs.items, pods.items);
  return await Promise.all(
    sights.map(async (sight) => {
      const job = sight.job ?? (await jobOfPods(parts, sight, signal));
      return noted(parts.notes, job === undefined ? sight : { ...sight, job });
    }),
  );
}

/** The Job of pods that a list of Jobs, taken before, does not show: created in between, or gone. */
async function jobOfPods(parts: K8sParts, { runId, pods }: JobSight, signal: AbortSignal): Promise<Job | undefined> {
  const live = pods.find((pod) => isLivePod(pod) && jobOwnerOf(pod) !== undefined);
  const owner = live === undefined ? undefined : jobOwnerOf(live);
  if (owner === undefined) return undefined;
  const job = await parts.api.get(JOBS, parts.namespace, owner.name, { signal });
  return job === undefined || runIdOf(job) !== runId ? undefined : keepJob(job);
}

function group(jobs: readonly Job[], pods: readonly Pod[]): readonly JobSight[] {
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

/** The judgement of what was seen, with the end of the log where it failed. */
export async function judged(parts: K8sParts, sight: JobSight, signal: AbortSignal): Promise<Observation> {
  const seen = judge(sight, parts.context());
  const pod = podOf(sight);
  const name = pod?.metadata?.name;
  if (!isFailure(seen) || name === undefined || mainStatus(pod)?.state?.terminated === undefined) return seen;
  const logTail = await readLogTail(parts, name, signal);
  return logTail === undefined ? seen : judge(sight, { ...parts.context(), logTail });
}

/** What is seen of one run now. */
export async function look(parts: K8sParts, runId: string, signal: AbortSignal): Promise<Observation> {
  return await judged(parts, await readRun(parts, runId, signal), signal);
}
