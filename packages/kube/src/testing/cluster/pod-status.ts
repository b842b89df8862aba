import type { ContainerStatus, Pod, PodCondition } from '../../objects.ts';

/** What a kubelet writes into the status of a pod at each step. Pure; times are RFC 3339. */

type Status = NonNullable<Pod['status']>;
type Flag = 'True' | 'False';

export const NODE = 'test-node';
const HOST_IP = '192.0.2.2';

/** A condition; the time of its last change is kept when it does not change. */
function condition(
  before: Status | undefined,
  type: string,
  status: Flag,
  now: string,
  why: { readonly reason?: string; readonly message?: string } = {},
): PodCondition {
  const old = before?.conditions?.find((one) => one.type === type);
  const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
  return { type, status, lastTransitionTime, ...why };
}

interface Readiness {
  readonly sandbox: Flag;
  readonly ready: Flag;
  readonly reason?: string;
  readonly message?: string;
}

function conditions(before: Status | undefined, now: string, readiness: Readiness): readonly PodCondition[] {
  const { sandbox, ready, reason, message } = readiness;
  const why = { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
  const kept = (before?.conditions ?? []).filter((one) => one.type === 'DisruptionTarget');
  return [
    ...kept,
    condition(before, 'PodReadyToStartContainers', sandbox, now),
    condition(before, 'Initialized', 'True', now, reason === 'PodCompleted' ? { reason } : {}),
    condition(before, 'Ready', ready, now, why),
    condition(before, 'ContainersReady', ready, now, why),
    condition(before, 'PodScheduled', 'True', now),
  ];
}

function containers(pod: Pod, status: Partial<ContainerStatus>): readonly ContainerStatus[] {
  return (pod.spec?.containers ?? []).map((container) => ({
    name: container.name,
    lastState: {},
    ready: false,
    restartCount: 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
    ...status,
  }));
}

const notReady = (pod: Pod): { readonly reason: string; readonly message: string } => ({
  reason: 'ContainersNotReady',
  message: `containers with unready status: [${(pod.spec?.containers ?? []).map((one) => one.name).join(' ')}]`,
});

export function unschedulable(pod: Pod, message: string, now: string): Status {
  const why = { reason: 'Unschedulable', message };
  return { ...pod.status, phase: 'Pending', conditions: [condition(pod.status, 'PodScheduled', 'False', now, why)] };
}

export function scheduled(pod: Pod, now: string): Status {
  return { ...pod.status, phase: 'Pending', conditions: [condition(pod.status, 'PodScheduled', 'True', now)] };
}

/** Waiting for its container, whatever for. */
export function waiting(pod: Pod, reason: string, message: string | undefined, now: string): Status {
  // Volumes are mounted before there is a sandbox, images pulled after.
  const sandbox = reason === 'ContainerCreating' ? 'False' : 'True';
  return {
    ...pod.status,
    phase: 'Pending',
    startTime: pod.status?.startTime ?? now,
    hostIP: HOST_IP,
    hostIPs: [{ ip: HOST_IP }],
    conditions: conditions(pod.status, now, { sandbox, ready: 'False', ...notReady(pod) }),
    containerStatuses: containers(pod, {
      state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
    }),
  };
}

export function running(pod: Pod, containerID: string, now: string): Status {
  return {
    ...pod.status,
    phase: 'Running',
    podIP: '10.88.0.2',
    podIPs: [{ ip: '10.88.0.2' }],
    conditions: conditions(pod.status, now, { sandbox: 'True', ready: 'True' }),
    containerStatuses: containers(pod, {
      state: { running: { startedAt: now } },
      ready: true,
      started: true,
      imageID: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
      containerID,
    }),
  };
}

export interface Termination {
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
}

/** The container is over; the pod's phase follows when the kubelet has cleaned up. */
export function terminated(pod: Pod, end: Termination, containerID: string | undefined, now: string): Status {
  const before = pod.status?.containerStatuses?.[0];
  // A program that could not be started has the zero time of the runtime.
  const startedAt = before?.state?.running?.startedAt ?? (end.reason === 'StartError' ? '1970-01-01T00:00:00Z' : now);
  const known =
    containerID === undefined ? { startedAt: null, finishedAt: null } : { startedAt, finishedAt: now, containerID };
  const reason = end.exitCode === 0 ? 'PodCompleted' : 'PodFailed';
  return {
    ...pod.status,
    conditions: conditions(pod.status, now, { sandbox: 'True', ready: 'False', reason }),
    containerStatuses: containers(pod, {
      imageID: before?.imageID ?? '',
      state: {
        terminated: { ...end, ...known } as unknown as NonNullable<NonNullable<ContainerStatus['state']>['terminated']>,
      },
      ...(containerID === undefined ? {} : { containerID }),
    }),
  };
}

/** The last word on a pod. */
export function finished(
  pod: Pod,
  phase: 'Succeeded' | 'Failed',
  why: { readonly reason?: string; readonly message?: string },
  now: string,
): Status {
  const reason = phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
  return {
    ...pod.status,
    ...why,
    phase,
    conditions: conditions(pod.status, now, { sandbox: 'False', ready: 'False', reason }),
  };
}

/** Marks a pod as the victim of something that is not its fault. */
export function disrupted(pod: Pod, reason: string, message: string, now: string): Status {
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== 'DisruptionTarget');
  return {
    ...pod.status,
    conditions: [condition(pod.status, 'DisruptionTarget', 'True', now, { reason, message }), ...others],
  };
}

/** The node does not answer any more: nobody knows whether the pod is ready. */
export function unreachable(pod: Pod, now: string): Status {
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== 'Ready');
  return { ...pod.status, conditions: [...others, condition(pod.status, 'Ready', 'False', now)] };
}
