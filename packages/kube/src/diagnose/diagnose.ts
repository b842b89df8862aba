import type { Diagnosis } from '@runner/executor';
import type { Job, KubeEvent, Pod } from '../objects.ts';
import { sentence } from './cluster-text.ts';
import { containerWaiting } from './container-waiting.ts';
import { latestEvent, timeOfEvent, withReason } from './events.ts';
import type { Evidence } from './evidence.ts';
import { allStatuses } from './main-container.ts';
import { diagnoseRefusal } from './refusal.ts';
import { unschedulable } from './unschedulable.ts';
import { volumeTrouble } from './volume.ts';

/**
 * Why a workload does not start, or does not go on; undefined when nothing speaks against it. What the objects say counts
 * more than events, which may be late, lost or about a moment that is over.
 */
export function diagnose(evidence: Evidence): Diagnosis | undefined {
  const { job, pod } = evidence;
  if (pod === undefined) return withoutPod(job, evidence);
  switch (pod.status?.phase) {
    case undefined:
    case 'Pending':
      return pending(pod, evidence);
    case 'Running':
    case 'Unknown':
      return running(pod, evidence);
    default:
      return undefined;
  }
}

function withoutPod(job: Job | undefined, evidence: Evidence): Diagnosis | undefined {
  if (job?.spec?.suspend === true) {
    return {
      category: 'suspended',
      code: 'job_suspended',
      message: 'The Job is suspended: somebody, such as Kueue, holds it back.',
      hint: 'It starts when it is admitted; see the queue that the Job belongs to. The start deadline does not run meanwhile.',
      permanent: false,
    };
  }
  const refused = latestEvent(evidence.events ?? [], withReason('FailedCreate'));
  return refused === undefined ? undefined : diagnoseRefusal(refused.message ?? '', evidence.context);
}

function pending(pod: Pod, evidence: Evidence): Diagnosis | undefined {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (scheduled?.reason === 'SchedulingGated') return gated(pod);
  if (scheduled?.status === 'False') return unschedulable(scheduled.message ?? '', evidence);
  const events = evidence.events ?? [];
  for (const status of allStatuses(pod)) {
    const waiting = containerWaiting(status, events);
    if (waiting !== undefined) return waiting;
  }
  return preparing(pod, events);
}

function gated(pod: Pod): Diagnosis {
  const gates = (pod.spec?.schedulingGates ?? []).map((gate) => gate.name).join(', ');
  return {
    category: 'suspended',
    code: 'scheduling_gated',
    message: `The pod is held back by a scheduling gate${gates === '' ? '' : ` (${gates})`}.`,
    hint: 'It is scheduled when whoever set the gate takes it away.',
    permanent: false,
  };
}

/** Warnings that stand beside a healthy start. */
const NOISE = new Set(['MissingClusterDNS', 'DNSConfigForming', 'FailedToRetrieveImagePullSecret']);

/** What the node says while it prepares the pod; only its last word counts, the trouble before it is over. */
function preparing(pod: Pod, events: readonly KubeEvent[]): Diagnosis | undefined {
  const last = latestEvent(events, (event) => event.involvedObject.kind !== 'Job' && !NOISE.has(event.reason ?? ''));
  const text = last?.message ?? '';
  switch (last?.reason) {
    case 'FailedScheduling':
      return undefined;
    case 'Scheduled':
      return allStatuses(pod).length === 0 ? untaken(pod) : undefined;
    case 'NodeNotReady':
      return nodeNotReady(pod, 'the run cannot start there');
    case 'FailedMount':
    case 'FailedAttachVolume':
    case 'FailedMapVolume':
      return volumeTrouble(pod, events);
    case 'FailedCreatePodSandBox':
    case 'FailedCreatePodContainer':
      return {
        category: 'unknown',
        code: 'sandbox_failed',
        message: sentence('The node cannot prepare the pod (network or container runtime)', text),
        hint: 'Look at the network plugin and the container runtime of the node; it is tried again by itself.',
        permanent: false,
      };
    default:
      return undefined;
  }
}

/** Scheduled, and not a word from the kubelet since: whoever asks for events has waited some seconds already. */
function untaken(pod: Pod): Diagnosis {
  const node = pod.spec?.nodeName ?? 'of the pod';
  return {
    category: 'scheduling',
    code: 'node_silent',
    message: `The node ${node} was given the pod and has not begun with it.`,
    hint: `A busy node begins soon. If it does not, see kubectl get node ${node}: one that stopped answering keeps its pods for about five minutes.`,
    permanent: false,
  };
}

/** A pod that runs is only in trouble when its node is. */
function running(pod: Pod, { events = [] }: Evidence): Diagnosis | undefined {
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready');
  const lost = latestEvent(events, withReason('NodeNotReady'));
  const since = Date.parse(ready?.lastTransitionTime ?? '');
  const current = ready?.status !== 'True' && lost !== undefined && !(timeOfEvent(lost) < since - 60_000);
  if (pod.status?.phase !== 'Unknown' && !current) return undefined;
  return nodeNotReady(pod, 'whether the run goes on there is not known');
}

const nodeNotReady = (pod: Pod, so: string): Diagnosis => ({
  category: 'node_lost',
  code: 'node_not_ready',
  message: `The node ${pod.spec?.nodeName ?? 'of the pod'} does not answer; ${so}.`,
  hint: 'It goes on when the node comes back. Otherwise Kubernetes gives the pod up after about five minutes.',
  permanent: false,
});
