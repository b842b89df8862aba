import type { Diagnosis, Observation, PresentObservation, WorkloadPhase, WorkloadRef } from '@runner/executor';
import type { DiagnosisContext, Evidence, Job, NodeTaints } from '@runner/kube';
import { diagnose, placementType } from '@runner/kube';
import {
  beganAt,
  hasBegun,
  intentOf,
  isLeaving,
  isLivePod,
  kindOf,
  mainStatus,
  pipelineTypeOf,
  timeOf,
} from '@runner/kube/runs';
import { outcomeOf } from './outcome.ts';
import type { JobSight } from './sight.ts';
import { endCondition, endPodOf, isShelved, jobOwnerOf, pastPods, podOf } from './sight.ts';

export interface JudgeContext {
  readonly namespace: string;
  /** Variable of the placement settings, for hints. */
  readonly placementVariable: string;
  /** Nodes and their taints, where they are known. */
  readonly nodes?: readonly NodeTaints[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** The redacted end of the output; asked for failures only. */
  readonly logTail?: string;
}

/** What one run is, given what is there of it. Pure; the heart of the executor. */
export function judge(sight: JobSight, context: JudgeContext): Observation {
  const { runId, job } = sight;
  const base = { runId, observedAt: context.now };
  const pod = podOf(sight);
  const subject = job ?? pod;
  if (subject === undefined || isRemnant(sight)) return { ...base, presence: 'absent' };
  const pipelineType = pipelineTypeOf(subject);
  const workload = referenceOf(sight);
  if (pipelineType === undefined || workload === undefined) {
    return { ...base, presence: 'unknown', reason: 'what stands there of the run does not say what it is' };
  }
  const phase = phaseOf(sight);
  const placement = placementType({ kind: kindOf(subject), pipelineType });
  const diagnosis = diagnosisContext(placement, context);
  const { logTail } = context;
  return {
    ...base,
    presence: 'present',
    workload,
    pipelineType,
    phase,
    ...timesOf(sight, phase),
    ...(phase === 'ended'
      ? {
          outcome: outcomeOf(sight, { diagnosis, ...(logTail === undefined ? {} : { logTail }) }),
          // A Job that was ended while somebody held it back never finishes, so its time to live never counts.
          ...(job !== undefined && endCondition(job) === undefined ? { lingers: true as const } : {}),
        }
      : waiting(sight, phase, diagnosis, context.nodes)),
  };
}

function diagnosisContext(pipelineType: string, { namespace, placementVariable }: JudgeContext): DiagnosisContext {
  return { placementVariable, pipelineType, namespace };
}

/**
 * What is left of a Job that was deleted: pods that have ended and are being collected. Nothing of the run executes, and
 * nothing will.
 */
function isRemnant({ job, pods }: JobSight): boolean {
  return job === undefined && pods.every((pod) => !isLivePod(pod) && (jobOwnerOf(pod) !== undefined || isLeaving(pod)));
}

/** The Job, or, for a pod that has outlasted it, the Job it belonged to; a pod that was cut loose stands for itself. */
function referenceOf(sight: JobSight): WorkloadRef | undefined {
  const pod = podOf(sight);
  const owner = sight.job?.metadata ?? (pod === undefined ? undefined : jobOwnerOf(pod));
  if (owner?.name !== undefined && owner.uid !== undefined) return { kind: 'Job', name: owner.name, uid: owner.uid };
  const { name, uid } = pod?.metadata ?? {};
  return name === undefined || uid === undefined ? undefined : { kind: 'Pod', name, uid };
}

function phaseOf(sight: JobSight): WorkloadPhase {
  const { job, pods } = sight;
  const live = pods.filter(isLivePod);
  // What is over is not taken back in the time until the Job has counted it.
  const shown = live.length > 0 ? live : pastPods(sight);
  const isStopping = intentOf(job) !== undefined || shown.some(isLeaving);
  const isBegun = hasBegun(podOf(sight)) || shown.some(hasBegun);
  const active = isStopping ? 'ending' : isBegun ? 'running' : 'pending';
  if (job === undefined) return live.length === 0 ? 'ended' : active;
  if (endCondition(job) !== undefined) return live.length === 0 ? 'ended' : active;
  if (isLeaving(job)) return 'ending';
  // Kueue takes the pods of a Job that it holds back; that is no end of it.
  if (job.spec?.suspend === true) return intentOf(job) === undefined ? 'pending' : shelvedPhase(job, live.length);
  return active;
}

function shelvedPhase(job: Job, livePods: number): WorkloadPhase {
  return isShelved(job) && livePods === 0 ? 'ended' : 'ending';
}

function timesOf(sight: JobSight, phase: WorkloadPhase): Pick<PresentObservation, 'startedAt' | 'endedAt'> {
  const startedAt = beganAt(endPodOf(sight));
  const endedAt = phase === 'ended' ? endTime(sight) : undefined;
  return {
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt: Math.max(endedAt, startedAt ?? 0) }),
  };
}

function endTime(sight: JobSight): number | undefined {
  const { job } = sight;
  return (
    timeOf(mainStatus(endPodOf(sight))?.state?.terminated?.finishedAt) ??
    timeOf(job?.status?.completionTime) ??
    timeOf(endCondition(job)?.lastTransitionTime) ??
    intentOf(job)?.at
  );
}

type Waiting = Pick<PresentObservation, 'diagnosis' | 'suspended'>;

/** Why it does not get on, if it does not. */
function waiting(
  sight: JobSight,
  phase: WorkloadPhase,
  context: DiagnosisContext,
  nodes: readonly NodeTaints[] | undefined,
): Waiting {
  const { job, events } = sight;
  const suspended = phase === 'pending' && job?.spec?.suspend === true;
  const pod = podOf(sight);
  const evidence: Evidence = {
    ...(job === undefined ? {} : { job }),
    ...(pod === undefined ? {} : { pod }),
    ...(events === undefined ? {} : { events }),
    ...(nodes === undefined ? {} : { nodes }),
    context,
  };
  const diagnosis = diagnose(evidence) ?? (suspended ? SUSPENDED : undefined);
  return { ...(diagnosis === undefined ? {} : { diagnosis }), ...(suspended ? { suspended: true } : {}) };
}

const SUSPENDED: Diagnosis = {
  category: 'suspended',
  code: 'job_suspended',
  message: 'The Job is suspended: somebody, such as a queue for Jobs, holds it back.',
  hint: 'It starts when it is resumed; the start deadline does not run meanwhile.',
  permanent: false,
};
