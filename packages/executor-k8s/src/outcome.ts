import type { Diagnosis, Outcome } from '@runner/executor';
import { diagnoseOutput, intendedDiagnosis } from '@runner/executor';
import type { DiagnosisContext, Job, Pod } from '@runner/kube';
import { diagnoseEnd } from '@runner/kube';
import type { PodExit } from '@runner/kube/runs';
import {
  causalPod,
  deletionAt,
  exitOfPod,
  intentOf,
  isLeaving,
  plainExit,
  tellingCause,
  timeOf,
} from '@runner/kube/runs';
import type { JobSight } from './sight.ts';
import { endCondition, endPodOf } from './sight.ts';

interface OutcomeContext {
  readonly diagnosis: DiagnosisContext;
  /** The redacted end of the output; asked for failures only. */
  readonly logTail?: string;
}

/**
 * How a run ended that has ended: the exit code of `main` where it ended by itself, else the intent it was ended with,
 * else what Job and pod say. Never from a stream.
 */
export function outcomeOf(sight: JobSight, context: OutcomeContext): Outcome {
  const { job } = sight;
  const pod = endPodOf(sight);
  const exit = exitOf(job, pod);
  const facts = {
    ...(exit === undefined ? {} : { exitCode: exit.code }),
    ...(exit?.signal === undefined ? {} : { signal: exit.signal }),
  };
  if (exit?.byItself === true && exit.code === 0) return { result: 'succeeded', exitCode: 0 };
  // The pod is gone (removed by hand, collected), but its Job has counted its success.
  if (exit === undefined && endCondition(job)?.type === 'Complete') return { result: 'succeeded' };
  const intent = endedByItself(job, pod) ? undefined : intentOf(job);
  if (intent?.reason === 'cancelled') return { result: 'cancelled', ...facts };
  const { logTail } = context;
  return {
    result: 'failed',
    ...facts,
    diagnosis: intent === undefined ? causeOf(sight, pod, exit, context) : intendedDiagnosis(intent),
    ...(logTail === undefined || logTail === '' ? {} : { logTail }),
  };
}

function exitOf(job: Job | undefined, pod: Pod | undefined): PodExit | undefined {
  return exitOfPod(pod, [pod === undefined ? undefined : jobDeadlineAt(job, pod)]);
}

/**
 * When the Job's controller began to take the pods because its deadline had passed: that is how a run is ended in place.
 * Before Kubernetes 1.31 nothing announces it; the Job has failed at once.
 */
function jobDeadlineAt(job: Job | undefined, pod: Pod): number | undefined {
  const announced = pastDeadlineAt(job, 'FailureTarget');
  if (announced !== undefined) return announced;
  const final = pastDeadlineAt(job, 'Failed');
  const intent = intentOf(job);
  if (final === undefined || intent === undefined || !isLeaving(pod) || deletionAt(pod) !== undefined) return final;
  // A controller that had to write its status twice dates it after the deletion.
  return Math.min(final, intent.at);
}

function pastDeadlineAt(job: Job | undefined, which: 'FailureTarget' | 'Failed'): number | undefined {
  const condition = job?.status?.conditions?.find(
    ({ type, status, reason }) => type === which && status === 'True' && reason === 'DeadlineExceeded',
  );
  return timeOf(condition?.lastTransitionTime);
}

/** True when the pod failed for a reason of its own: nobody had deleted it. What was intended came too late then. */
function endedByItself(job: Job | undefined, pod: Pod | undefined): boolean {
  if (pod === undefined) return false;
  return exitOf(job, pod)?.byItself === true || (pod.status?.phase === 'Failed' && !isLeaving(pod));
}

function causeOf(
  { job, events }: JobSight,
  pod: Pod | undefined,
  exit: PodExit | undefined,
  context: OutcomeContext,
): Diagnosis {
  const isOwn = exit?.byItself === true;
  const known = diagnoseEnd({
    // What came over Job and pod afterwards is no cause.
    ...(job === undefined || isOwn ? {} : { job }),
    ...(pod === undefined ? {} : { pod: causalPod(pod, exit) }),
    ...(events === undefined ? {} : { events }),
    context: context.diagnosis,
  });
  const said = isOwn && context.logTail !== undefined ? diagnoseOutput(context.logTail) : undefined;
  return tellingCause(known, said) ?? unexplained(job, exit);
}

function unexplained(job: Job | undefined, exit: PodExit | undefined): Diagnosis {
  if (exit !== undefined) return plainExit(exit);
  if (endCondition(job)?.reason === 'DeadlineExceeded') {
    return {
      category: 'deadline',
      code: 'job_deadline',
      message: 'The Job took longer than its own deadline, waiting included, and was ended by Kubernetes.',
      hint: 'Look for why its pod did not start or end in time; the agent that would have said so was not there.',
      permanent: true,
    };
  }
  return {
    category: 'lost',
    code: 'pod_gone',
    message: 'The Job failed and its pod is no longer there, so how the program ended cannot be read.',
    hint: 'Somebody deleted the pod, or the node it ran on was removed. Start the run again.',
    permanent: true,
  };
}
