import type { Diagnosis } from '@runner/executor';
import type { Pod } from '../objects.ts';
import { clusterText, sentence } from './cluster-text.ts';

const AGAIN = 'Start the run again.';
/** The kubelet turned the pod away after the scheduler had chosen the node. */
const REJECTED =
  /^(?:OutOf\S+|NodeAffinity|NodePorts|UnexpectedAdmissionError|AdmissionError|TopologyAffinityError|PodOSNotSupported|PodOSSelectorNodeLabelDoesNotMatch|PodLevelResourcesNotSupported|AppArmor)$/;

/** Why a pod failed as a whole (`status.reason`), set by the kubelet or the controllers. */
export function endByPodReason(pod: Pod | undefined): Diagnosis | undefined {
  const { reason = '', message = '' } = pod?.status ?? {};
  switch (reason) {
    case 'DeadlineExceeded':
      return runDeadline(pod);
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
