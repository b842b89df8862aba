import type { Observation, WorkloadOwner } from '@runner/executor';
import type { Job } from '@runner/kube';
import { JOBS } from '@runner/kube';
import type { RunCache, RunView } from '@runner/kube/runs';
import { EventReading, mainStatus, noted, ownerSelector, runCache, watchRuns } from '@runner/kube/runs';
import { keepJob } from './kept.ts';
import { Lingering } from './lingering.ts';
import { judged, readRun } from './looking.ts';
import { judge } from './observation.ts';
import type { K8sParts } from './parts.ts';
import type { JobSight } from './sight.ts';
import { endPodOf, jobOwnerOf, podOf } from './sight.ts';

/** How runs that are Jobs are looked at. */
export function jobView(parts: K8sParts): RunView<JobSight> {
  return {
    judge: (sight) => judge(sight, parts.context()),
    judged: (sight, signal) => judged(parts, sight, signal),
    read: (runId, signal) => readRun(parts, runId, signal),
    hasObject: ({ job }) => job !== undefined,
    isExplained: (sight) => mainStatus(endPodOf(sight))?.state?.terminated !== undefined,
  };
}

/** Tells each change of the owner's runs until the signal is aborted. */
export async function watchJobs(
  parts: K8sParts,
  owner: WorkloadOwner,
  onObservation: (observation: Observation) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, logger, caches } = parts;
  await watchRuns({
    ...{ clock, random, logger, caches, signal, onObservation },
    view: jobView(parts),
    cache: (onTouched) => jobCache(parts, owner, onTouched),
    attendants: (onNews) => [eventReading(parts, onNews, signal), new Lingering(parts, signal)],
  });
}

function jobCache(parts: K8sParts, owner: WorkloadOwner, onTouched: (runId: string) => void): RunCache<JobSight> {
  const { api, namespace, clock, random, logger, notes, options } = parts;
  return runCache<Job, JobSight>({
    ...{ namespace, clock, random, logger, onTouched },
    labelSelector: ownerSelector(owner),
    type: JOBS,
    keep: keepJob,
    objects: { api, observer: options.observer?.jobs },
    pods: { api, observer: options.observer?.pods },
    sightOf: (found, job) => noted(notes, job === undefined ? found : { ...found, job }),
    isOwn: (pod, job) => jobOwnerOf(pod)?.uid === job?.metadata?.uid,
  });
}

function eventReading(parts: K8sParts, onNews: (runId: string) => void, signal: AbortSignal): EventReading<JobSight> {
  const { api, namespace, notes, nodes, clock, logger, timings } = parts;
  return new EventReading({
    ...{ api, namespace, notes, nodes, clock, logger, timings, onNews, signal },
    targets: (sight) => ({ object: sight.job, pod: podOf(sight) }),
  });
}
