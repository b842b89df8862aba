import type { Diagnosis } from '@runner/executor';
import type { KubeEvent, Pod } from '../objects.ts';
import { clusterText, sentence } from './cluster-text.ts';
import { containerWaiting } from './container-waiting.ts';
import { allStatuses, mainStatus } from './main-container.ts';

const AGAIN = 'Start the run again.';
/** The kubelet turned the pod away after the scheduler had chosen the node. */
const REJECTED =
  /^(?:OutOf\S+|NodeAffinity|NodePorts|UnexpectedAdmissionError|AdmissionError|TopologyAffinityError|PodOSNotSupported|PodOSSelectorNodeLabelDoesNotMatch|PodLevelResourcesNotSupported|AppArmor)$/;

/** Why a pod failed as a whole (`status.reason`), set by the kubelet or the controllers. */
export function endByPodReason(pod: Pod | undefined, events: readonly KubeEvent[] = []): Diagnosis | undefined {
  const { reason = '', message = '' } = pod?.status ?? {};
  switch (reason) {
    case 'DeadlineExceeded':
      return hasNeverBegun(pod) ? beginDeadline(pod, events) : runDeadline(pod);
    case 'Evicted':
      return evicted(message);
    case 'Preempting':
    case 'Preempted':
      return {
        category: 'evicted',
        code: 'preempted',
        message: 'The pod was stopped to make room for one with a higher priority.',
        hint: `${AGAIN} A higher priorityClassName protects runs from this.`,
        permanent: true,
      };
    case 'NodeLost':
      return {
        category: 'node_lost',
        code: 'node_lost',
        message: `The node ${pod?.spec?.nodeName ?? 'of the pod'} was lost while the run was going on.`,
        hint: AGAIN,
        permanent: true,
      };
    case 'NodeShutdown':
    case 'Shutdown':
    case 'Terminated':
      return {
        category: 'node_lost',
        code: 'node_shutdown',
        message: `The node ${pod?.spec?.nodeName ?? 'of the pod'} was shut down while the run was going on.`,
        hint: `${AGAIN} On spot nodes this is to be expected: place long runs on others.`,
        permanent: true,
      };
    default:
      return REJECTED.test(reason) ? rejected(reason, message) : undefined;
  }
}

function runDeadline(pod: Pod | undefined): Diagnosis {
  const seconds = pod?.spec?.activeDeadlineSeconds;
  return {
    category: 'deadline',
    code: 'run_deadline',
    message: `The run took longer than its deadline${seconds === undefined ? '' : ` of ${seconds} s`} and was ended.`,
    hint: 'Let the pipeline read less at once, or raise its workflowTimeout or RUN_DEADLINE_SECONDS.',
    permanent: true,
  };
}

/** Whether the program had not begun. The kubelet ends what it has never created as lost, or lets it wait for ever. */
function hasNeverBegun(pod: Pod | undefined): boolean {
  const status = mainStatus(pod);
  if (status === undefined) return false;
  const { running, terminated } = status.state ?? {};
  if (running !== undefined || status.lastState?.terminated !== undefined) return false;
  if (terminated === undefined) return true;
  const { reason, startedAt = '' } = terminated;
  return reason === 'ContainerStatusUnknown' && !(Date.parse(startedAt) > 0) && (status.containerID ?? '') === '';
}

function beginDeadline(pod: Pod | undefined, events: readonly KubeEvent[]): Diagnosis {
  const seconds = pod?.spec?.activeDeadlineSeconds;
  const statuses = pod === undefined ? [] : allStatuses(pod);
  const obstacle = statuses.map((status) => containerWaiting(status, events)).find((one) => one !== undefined);
  return {
    category: 'deadline',
    code: 'begin_deadline',
    message: `The program did not begin within the deadline of the run${seconds === undefined ? '' : ` of ${seconds} s`}, which counts from when a node took its pod, the pull of the image included.${obstacle === undefined ? '' : ` ${obstacle.message}`}`,
    hint:
      obstacle?.hint ??
      'See what the node was busy with; if it was the image, keep it on the nodes or nearer to them. Otherwise raise workflowTimeout of the pipeline or RUN_DEADLINE_SECONDS.',
    permanent: true,
  };
}

const DISK = /ephemeral|disk|storage|emptydir|inode|imagefs|nodefs/i;

function evicted(message: string): Diagnosis {
  if (DISK.test(message)) {
    return {
      category: 'evicted',
      code: 'evicted_for_disk',
      message: sentence('The pod was evicted because of disk space', message),
      hint: 'Raise the limit ephemeral-storage of the pipeline type if it has one, or free disk space on the node.',
      permanent: true,
    };
  }
  if (/memory/i.test(message)) {
    return {
      category: 'evicted',
      code: 'evicted_for_memory',
      message: sentence('The pod was evicted because its node ran out of memory', message),
      hint: 'Let the memory request equal the limit, so that the node keeps that much free, or give the node more memory.',
      permanent: true,
    };
  }
  return {
    category: 'evicted',
    code: 'evicted',
    message: sentence('The pod was evicted from its node', message),
    hint: AGAIN,
    permanent: true,
  };
}

function rejected(reason: string, message: string): Diagnosis {
  const text = message.replace(/^Pod was rejected:\s*/, '');
  return {
    category: 'scheduling',
    code: 'rejected_by_node',
    message: sentence(`The node turned the pod away (${clusterText(reason)})`, text),
    hint: `${AGAIN} If it happens again, the node has less room than the scheduler believes: see kubectl describe node.`,
    permanent: true,
  };
}
