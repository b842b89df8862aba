import type { Pod } from '@runner/kube';
import { MAIN_CONTAINER } from '@runner/executor';
import { timeOf } from '@runner/kube/runs';
import type { WorkflowNode } from './workflow/objects.ts';

/**
 * What Argo says of a step whose pod cannot be seen, as the pod that it was read from: Argo copies reason and message of
 * the pod or its containers. Pure.
 */
export function podOfNode(node: WorkflowNode | undefined): Pod | undefined {
  if (node === undefined) return undefined;
  return node.phase === 'Pending' ? waitingPod(node.message ?? '') : endedPod(node);
}

const UNSCHEDULABLE = /^Unschedulable: ([\s\S]*)$/;
/** Reason of a waiting container, and what the node says about it. */
const WAITING = /^([A-Z]\w+)(?:: ([\s\S]*))?$/;

function waitingPod(message: string): Pod | undefined {
  const [, scheduler] = UNSCHEDULABLE.exec(message) ?? [];
  if (scheduler !== undefined) {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: scheduler };
    return { status: { phase: 'Pending', conditions: [condition] } };
  }
  const [, reason, text] = WAITING.exec(message) ?? [];
  if (reason === undefined) return undefined;
  const waiting = { reason, ...(text === undefined ? {} : { message: text }) };
  return { status: { phase: 'Pending', containerStatuses: [status({ waiting }, imageIn(message))] } };
}

const imageIn = (message: string): string => /image "([^"]+)"/.exec(message)?.[1] ?? '';

const DEADLINE = /active on the node longer than the specified deadline/;
const EVICTED = /^(?:The node (?:was|had)|Pod ephemeral|Usage of EmptyDir|Container \S+ exceeded)|evicted/i;
const PREEMPTED = /preempt/i;

function endedPod({ message = '', outputs, startedAt, finishedAt }: WorkflowNode): Pod {
  const exitCode = exitCodeOf({ outputs, message });
  const reason = /\bOOMKilled\b/.test(message) ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
  const times = {
    ...(timeOf(startedAt) === undefined ? {} : { startedAt: startedAt as string }),
    ...(timeOf(finishedAt) === undefined ? {} : { finishedAt: finishedAt as string }),
  };
  return {
    status: {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      ...failureOf(message),
      ...(exitCode === undefined
        ? {}
        : { containerStatuses: [status({ terminated: { exitCode, reason, ...times } }, '')] }),
    },
  };
}

function failureOf(message: string): { readonly reason?: string; readonly message?: string } {
  if (DEADLINE.test(message)) return { reason: 'DeadlineExceeded', message };
  if (PREEMPTED.test(message)) return { reason: 'Preempted', message };
  return EVICTED.test(message) ? { reason: 'Evicted', message } : {};
}

/** Exit code of the program: Argo's own, else the one in its sentence about the container. */
export function exitCodeOf({
  outputs,
  message = '',
}: {
  readonly outputs?: WorkflowNode['outputs'] | undefined;
  readonly message?: string | undefined;
}): number | undefined {
  const text = outputs?.exitCode ?? /^(?:main: )?\w+ \(exit code (\d+)\)/.exec(message)?.[1];
  const code = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isInteger(code) ? code : undefined;
}

type Status = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

function status(state: NonNullable<Status['state']>, image: string): Status {
  return { name: MAIN_CONTAINER, image, imageID: '', ready: false, restartCount: 0, state };
}
