import type { Diagnosis, Outcome } from '@runner/executor';
import { diagnoseOutput, intendedDiagnosis } from '@runner/executor';
import type { DiagnosisContext, Job, Pod } from '@runner/kube';
import { diagnoseEnd, endedByDeletion } from '@runner/kube';
import { intentOf } from './annotations.ts';
import type { RunSight } from './sight.ts';
import { endCondition, endPodOf, isLeaving, mainStatus, timeOf } from './sight.ts';

interface OutcomeContext {
  readonly diagnosis: DiagnosisContext;
  /** The redacted end of the output; asked for failures only. */
  readonly logTail?: string;
}

/**
 * How a run ended that has ended: the exit code of `main` where it ended by itself, else the intent it was ended with,
 * else what Job and pod say. Never from a stream.
 */
export function outcomeOf(sight: RunSight, context: OutcomeContext): Outcome {
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

interface Exit {
  readonly code: number;
  readonly signal?: string;
  /** True when nobody had asked it to stop before. */
  readonly byItself: boolean;
}

/** Exit codes that shells and container runtimes give to signals, by number. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
};

function exitOf(job: Job | undefined, pod: Pod | undefined): Exit | undefined {
  const ended = mainStatus(pod)?.state?.terminated;
  if (pod === undefined || ended === undefined || ended.reason === 'ContainerStatusUnknown') return undefined;
  const code = ended.exitCode;
  const signal = SIGNALS[ended.signal ?? code - 128];
  return {
    code,
    ...(signal === undefined ? {} : { signal }),
    byItself: isByItself(job, pod, timeOf(ended.finishedAt), code),
  };
}

function isByItself(job: Job | undefined, pod: Pod, finished: number | undefined, code: number): boolean {
  const disruption = disruptionAt(pod);
  if (disruption === undefined && DISRUPTED.has(pod.status?.reason)) return false;
  const stops = [jobDeadlineAt(job, pod), podDeadlineAt(pod), deletionAt(pod), disruption].filter(
    (time) => time !== undefined,
  );
  // The kubelet writes the last state of a deleted pod with a timestamp of its own; then the signal must tell.
  if (stops.length === 0) return !endedByDeletion(pod);
  return finished === undefined || isBefore(finished, Math.min(...stops), code);
}

/** The API counts whole seconds. Within the same one, a program that says that it succeeded is believed. */
function isBefore(finished: number, stopped: number, code: number): boolean {
  return finished === stopped ? code === 0 : finished < stopped;
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

/** Reasons of pods that their node ended; it says when in a condition, from Kubernetes 1.26 on. */
const DISRUPTED: ReadonlySet<string | undefined> = new Set([
  'Evicted',
  'Terminated',
  'NodeShutdown',
  'Shutdown',
  'Preempting',
  'Preempted',
  'NodeLost',
]);

/** When somebody began to evict or preempt the pod. An eviction that came to nothing leaves its condition for a while. */
function disruptionAt(pod: Pod): number | undefined {
  if (!isLeaving(pod) && pod.status?.phase !== 'Failed') return undefined;
  const condition = pod.status?.conditions?.find(
    ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
  );
  return timeOf(condition?.lastTransitionTime);
}

function podDeadlineAt(pod: Pod): number | undefined {
  const started = timeOf(pod.status?.startTime);
  const limit = pod.spec?.activeDeadlineSeconds;
  return pod.status?.reason === 'DeadlineExceeded' && started !== undefined && limit !== undefined
    ? started + limit * 1_000
    : undefined;
}

/** When somebody deleted the pod (the timestamp counts from the end of the grace), while that can still be told. */
function deletionAt({ metadata }: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata ?? {};
  const deletion = timeOf(deletionTimestamp);
  return deletion === undefined || deletionGracePeriodSeconds === 0
    ? undefined
    : deletion - deletionGracePeriodSeconds * 1_000;
}

/** True when the pod failed for a reason of its own: nobody had deleted it. What was intended came too late then. */
function endedByItself(job: Job | undefined, pod: Pod | undefined): boolean {
  if (pod === undefined) return false;
  return exitOf(job, pod)?.byItself === true || (pod.status?.phase === 'Failed' && !isLeaving(pod));
}

function causeOf(
  { job, events }: RunSight,
  pod: Pod | undefined,
  exit: Exit | undefined,
  context: OutcomeContext,
): Diagnosis {
  const isOwn = exit?.byItself === true;
  const known = diagnoseEnd({
    // What came over Job and pod afterwards is no cause.
    ...(job === undefined || isOwn ? {} : { job }),
    ...(pod === undefined ? {} : { pod: isOwn ? undisturbed(pod) : exit?.code === 0 ? withoutExit(pod) : pod }),
    ...(events === undefined ? {} : { events }),
    context: context.diagnosis,
  });
  // What a program says about its own trouble is more than its exit code, and less than what happened to the pod.
  const said = isOwn && context.logTail !== undefined ? diagnoseOutput(context.logTail) : undefined;
  if (known !== undefined && !PLAIN.has(known.code)) return known;
  return said ?? known ?? unexplained(job, exit);
}

/** A program that was asked to stop and did so with exit code 0 did not succeed; what asked it is the cause. */
function withoutExit(pod: Pod): Pod {
  return { ...pod, status: { ...pod.status, containerStatuses: [] } };
}

/** The pod as it was before it was taken away. */
function undisturbed({ spec, status }: Pod): Pod {
  const conditions = status?.conditions?.filter(({ type }) => type !== 'DisruptionTarget') ?? [];
  return { ...(spec === undefined ? {} : { spec }), status: { ...status, conditions } };
}

/** Codes that say no more than that the program ended badly. */
const PLAIN: ReadonlySet<string> = new Set(['exit_code', 'died_by_signal']);

function unexplained(job: Job | undefined, exit: Exit | undefined): Diagnosis {
  if (exit !== undefined) {
    return {
      category: exit.signal === undefined ? 'program' : 'signal',
      code: exit.signal === undefined ? 'exit_code' : 'died_by_signal',
      message: `The program ended with exit code ${exit.code}${exit.signal === undefined ? '' : ` (${exit.signal})`}.`,
      hint: 'The end of its output says more.',
      permanent: true,
    };
  }
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
