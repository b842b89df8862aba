import type { Diagnosis } from '@runner/executor';
import type { Pod } from '../objects.ts';
import { clusterText } from './cluster-text.ts';
import type { Evidence } from './evidence.ts';
import { disruptionOf, endByDisruption, endByEvents } from './disruption.ts';
import { endedByDeletion, finishedAt } from './deletion.ts';
import { exitCodeDiagnosis } from './exit-code.ts';
import { mainContainer, mainStatus } from './main-container.ts';
import { endByPodReason } from './pod-reason.ts';
import { startFailure } from './start-failure.ts';

/**
 * Why a workload ended badly; undefined when nothing says that it did. What the runner itself asked for (a cancel, a start
 * deadline) is not known here and looks like a Job's deadline or a deleted pod: look at the intent first. `permanent` is
 * always true: it is over. When the code is `exit_code`, the end of the output knows more (`diagnoseOutput`).
 */
export function diagnoseEnd(evidence: Evidence): Diagnosis | undefined {
  const { pod, job } = evidence;
  const ended = mainStatus(pod)?.state?.terminated;
  if (ended?.exitCode === 0) return undefined;
  return (
    endByPodReason(pod, evidence.events) ??
    outOfMemory(pod) ??
    disrupted(pod) ??
    jobDeadline(evidence) ??
    deleted(evidence) ??
    exit(pod) ??
    endByEvents(evidence.events ?? []) ??
    (job === undefined ? undefined : withoutTrace(evidence))
  );
}

function outOfMemory(pod: Pod | undefined): Diagnosis | undefined {
  if (mainStatus(pod)?.state?.terminated?.reason !== 'OOMKilled') return undefined;
  const main = mainContainer(pod);
  const limit = main?.resources?.limits?.['memory'];
  const told = limit === undefined ? ': the memory of the node ran out' : `: its memory limit is ${limit}`;
  return {
    category: 'out_of_memory',
    code: 'out_of_memory',
    message: `The program, or a process it started, was killed because it used too much memory${main === undefined ? '' : told}.`,
    hint: 'Raise INGESTION_MEMORY_LIMIT or resources.limits.memory of the pipeline type, or let the pipeline read less at once (filters, profile sample, fewer threads).',
    permanent: true,
  };
}

/** Whoever disrupted the pod; not when the program had ended by itself before. */
function disrupted(pod: Pod | undefined): Diagnosis | undefined {
  const condition = disruptionOf(pod);
  if (condition === undefined || finishedAt(pod) < Date.parse(condition.lastTransitionTime ?? '')) return undefined;
  return endByDisruption(pod);
}

function jobDeadline({ job }: Evidence): Diagnosis | undefined {
  const failed = job?.status?.conditions?.find(
    (condition) => (condition.type === 'Failed' || condition.type === 'FailureTarget') && condition.status === 'True',
  );
  if (failed?.reason !== 'DeadlineExceeded') return undefined;
  const seconds = job?.spec?.activeDeadlineSeconds;
  return {
    category: 'deadline',
    code: 'job_deadline',
    message: `The Job was not over within its deadline${seconds === undefined ? '' : ` of ${seconds} s`}, waiting included.`,
    hint: 'It is the backstop behind the start deadline and the deadline of the run: see why the run waited so long.',
    permanent: true,
  };
}

function deleted({ pod, job }: Evidence): Diagnosis | undefined {
  if (!endedByDeletion(pod)) return undefined;
  return job?.metadata?.deletionTimestamp === undefined
    ? lost('pod_deleted', 'The pod of the run was deleted while it was going on.', BY_HAND)
    : lost('job_deleted', 'The Job of the run was deleted while it was going on.', BY_HAND);
}

const BY_HAND =
  'Somebody or something other than the runner did it; the audit log of the cluster says who. Start the run again.';

const lost = (code: string, message: string, hint: string): Diagnosis => ({
  category: 'lost',
  code,
  message,
  hint,
  permanent: true,
});

function exit(pod: Pod | undefined): Diagnosis | undefined {
  const ended = mainStatus(pod)?.state?.terminated;
  if (ended === undefined) return undefined;
  switch (ended.reason) {
    case 'StartError':
    case 'ContainerCannotRun':
      return startFailure(ended.message ?? '');
    case 'ContainerStatusUnknown':
      return {
        category: 'node_lost',
        code: 'container_lost',
        message: `The node ${pod?.spec?.nodeName ?? ''} lost track of the container, so how it ended is not known.`,
        hint: 'The node or its container runtime was restarted. Start the run again.',
        permanent: true,
      };
    default:
      return exitCodeDiagnosis(ended.exitCode);
  }
}

/** No pod to look at, or one that never got far enough to say anything. */
function withoutTrace({ job, pod }: Evidence): Diagnosis | undefined {
  const failed = job?.status?.conditions?.find(
    (condition) => condition.type === 'Failed' && condition.status === 'True',
  );
  if (failed === undefined) return undefined;
  if (pod === undefined) {
    return lost('pod_deleted', 'The pod of the run is gone, and nothing says how the run ended.', BY_HAND);
  }
  return {
    category: 'unknown',
    code: 'job_failed',
    message: `The Job failed: ${clusterText(failed.message ?? failed.reason ?? 'no reason given')}.`,
    hint: 'See kubectl describe job.',
    permanent: true,
  };
}
