import type { Diagnosis } from '@runner/executor';
import { endedByDeletion } from '../diagnose/deletion.ts';
import { mainStatus } from '../diagnose/main-container.ts';
import type { Pod } from '../objects.ts';
import { isLeaving, timeOf } from './pod-facts.ts';

/** How the main program of a pod ended. */
export interface PodExit {
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

/** Name of the signal that an exit code stands for, or that the API names. */
export function signalOf(code: number, signal?: number): string | undefined {
  return SIGNALS[signal ?? code - 128];
}

/**
 * How `main` ended, and whether by itself; undefined while that is not known.
 * @param stops epoch milliseconds at which others began to end it, beside what the pod itself says
 */
export function exitOfPod(pod: Pod | undefined, stops: readonly (number | undefined)[]): PodExit | undefined {
  const ended = mainStatus(pod)?.state?.terminated;
  if (pod === undefined || ended === undefined || ended.reason === 'ContainerStatusUnknown') return undefined;
  const code = ended.exitCode;
  const signal = signalOf(code, ended.signal);
  return {
    code,
    ...(signal === undefined ? {} : { signal }),
    byItself: isByItself(pod, stops, timeOf(ended.finishedAt), code),
  };
}

function isByItself(
  pod: Pod,
  others: readonly (number | undefined)[],
  finished: number | undefined,
  code: number,
): boolean {
  const disruption = disruptionAt(pod);
  if (disruption === undefined && DISRUPTED.has(pod.status?.reason)) return false;
  const stops = [...others, podDeadlineAt(pod), deletionAt(pod), disruption].filter((time) => time !== undefined);
  // The kubelet writes the last state of a deleted pod with a timestamp of its own; then the signal must tell.
  if (stops.length === 0) return !endedByDeletion(pod);
  return finished === undefined || isBefore(finished, Math.min(...stops), code);
}

/** The API counts whole seconds. Within the same one, a program that says that it succeeded is believed. */
function isBefore(finished: number, stopped: number, code: number): boolean {
  return finished === stopped ? code === 0 : finished < stopped;
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
export function deletionAt({ metadata }: Pod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata ?? {};
  const deletion = timeOf(deletionTimestamp);
  return deletion === undefined || deletionGracePeriodSeconds === 0
    ? undefined
    : deletion - deletionGracePeriodSeconds * 1_000;
}

/** The pod as far as it bears on why the program ended. */
export function causalPod(pod: Pod, exit: PodExit | undefined): Pod {
  if (exit?.byItself === true) return undisturbed(pod);
  return exit?.code === 0 ? withoutExit(pod) : pod;
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

/** What is known of how a program that failed exited, where nothing else is. */
export function plainExit({ code, signal }: Pick<PodExit, 'code' | 'signal'>): Diagnosis {
  return {
    category: signal === undefined ? 'program' : 'signal',
    code: signal === undefined ? 'exit_code' : 'died_by_signal',
    message: `The program ended with exit code ${code}${signal === undefined ? '' : ` (${signal})`}.`,
    hint: 'The end of its output says more.',
    permanent: true,
  };
}

/** Codes that say no more than that the program ended badly. */
const PLAIN: ReadonlySet<string> = new Set(['exit_code', 'died_by_signal']);

/** What a program says about its own trouble is more than its exit code, and less than what happened to the pod. */
export function tellingCause(known: Diagnosis | undefined, said: Diagnosis | undefined): Diagnosis | undefined {
  if (known !== undefined && !PLAIN.has(known.code)) return known;
  return said ?? known;
}
