import type { PodTrouble } from '../cluster.ts';
import type { Happening } from './events.ts';
import { NODE } from './pod-status.ts';

/** What scheduler, kubelet and controllers say in events when something happens to a pod. Pure. */

const MAIN = 'spec.containers{main}';

export const SCHEDULER = 'default-scheduler';

export const assigned = (namespace: string, name: string): Happening => ({
  type: 'Normal',
  reason: 'Scheduled',
  message: `Successfully assigned ${namespace}/${name} to ${NODE}`,
  from: SCHEDULER,
});

export const notScheduled = (message: string): Happening => ({
  type: 'Warning',
  reason: 'FailedScheduling',
  message,
  from: SCHEDULER,
});

export const began = (image: string): readonly Happening[] => [
  {
    type: 'Normal',
    reason: 'Pulled',
    message: `Container image "${image}" already present on machine`,
    fieldPath: MAIN,
  },
  { type: 'Normal', reason: 'Created', message: 'Created container: main', fieldPath: MAIN },
  { type: 'Normal', reason: 'Started', message: 'Started container main', fieldPath: MAIN },
];

export const stopping: Happening = {
  type: 'Normal',
  reason: 'Killing',
  message: 'Stopping container main',
  fieldPath: MAIN,
};

/** Why a container waits. */
export function waits(
  trouble: Extract<PodTrouble, { kind: 'waiting' | 'creating' }>,
  image: string,
): readonly Happening[] {
  const { reason, message } = trouble;
  if (trouble.kind === 'creating') return [{ type: 'Warning', reason, message }];
  const failed = (text: string): Happening => ({ type: 'Warning', reason: 'Failed', message: text, fieldPath: MAIN });
  if (reason !== 'ErrImagePull' && reason !== 'ImagePullBackOff') return [failed(`Error: ${message}`)];
  const backOff: Happening = {
    type: 'Normal',
    reason: 'BackOff',
    message: `Back-off pulling image "${image}"`,
    fieldPath: MAIN,
  };
  return [
    { type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"`, fieldPath: MAIN },
    failed(`Failed to pull image "${image}": ${message}`),
    failed('Error: ErrImagePull'),
    ...(reason === 'ImagePullBackOff' ? [backOff, failed('Error: ImagePullBackOff')] : []),
  ];
}

export const preempted = (by: string): Happening => ({
  type: 'Normal',
  reason: 'Preempted',
  message: `Preempted by pod ${by} on node ${NODE}`,
  from: SCHEDULER,
});

export const nodeNotReady: Happening = {
  type: 'Warning',
  reason: 'NodeNotReady',
  message: 'Node is not ready',
  from: 'node-controller',
};

export const taintEviction = (namespace: string, name: string): Happening => ({
  type: 'Normal',
  reason: 'TaintManagerEviction',
  message: `Marking for deletion Pod ${namespace}/${name}`,
  from: 'taint-eviction-controller',
});
