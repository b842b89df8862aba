import type { Pod } from '@runner/kube';
import type { WorkflowNode, WorkflowTemplate } from '../../workflow/objects.ts';
import type { Step } from './step-pod.ts';

/** What the controller writes of a step, in its words (3.7.4). Pure; times are RFC 3339. */

export function newNode({ id, node, template }: Step, now: string): WorkflowNode {
  return {
    id,
    name: node,
    displayName: node,
    type: 'Pod',
    templateName: template.name,
    phase: 'Pending',
    startedAt: now,
    finishedAt: null,
  };
}

export function over(node: WorkflowNode, phase: string, message: string, now: string): WorkflowNode {
  return { ...node, phase, message, finishedAt: now };
}

export const FORBIDDEN_RESULTS =
  'wait: Error (exit code 64): workflowtaskresults.argoproj.io is forbidden: User "system:serviceaccount:runs:ingestion" cannot create resource "workflowtaskresults" in API group "argoproj.io" in the namespace "runs"';

/** The node as its pod shows it. */
export function seen(
  node: WorkflowNode,
  pod: Pod,
  { now, mayReport, template }: { now: string; mayReport: boolean; template: WorkflowTemplate },
): WorkflowNode {
  const { phase, reason, message = '' } = pod.status ?? {};
  const ended = pod.status?.containerStatuses?.[0]?.state?.terminated;
  switch (phase) {
    case 'Running':
      // The containers are over and the phase of the pod is not.
      return ended === undefined ? withoutMessage({ ...node, phase: 'Running' }) : node;
    case 'Succeeded':
    case 'Failed': {
      const exited =
        ended === undefined || ended.reason === 'ContainerStatusUnknown'
          ? node
          : { ...node, outputs: { exitCode: String(ended.exitCode), ...left(template, mayReport, ended.message) } };
      // That of the last container to end, not when the controller came to see it.
      const finishedAt = ended?.finishedAt ?? now;
      // Of a program that failed Argo tells before it tells of its own containers.
      if (phase === 'Failed')
        return over(exited, 'Failed', reason === undefined ? failure(ended) : message, finishedAt);
      return mayReport
        ? withoutMessage({ ...exited, phase, finishedAt })
        : over(exited, 'Error', FORBIDDEN_RESULTS, finishedAt);
    }
    default:
      return { ...node, phase: 'Pending', ...waiting(pod) };
  }
}

/** The termination message included. */
function failure(ended: Ended | undefined): string {
  const said = `main: ${ended?.reason ?? 'Error'} (exit code ${ended?.exitCode ?? 1})`;
  return ended?.message === undefined ? said : `${said}: ${ended.message}`;
}

interface Ended {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
}

/** What the step left in files: of them only that of the termination message is played. Without one line break at its end. */
function left({ outputs }: WorkflowTemplate, mayReport: boolean, message = ''): WorkflowNode['outputs'] {
  if (outputs?.parameters === undefined || !mayReport) return {};
  const read = (path: string | undefined): string =>
    path === '/dev/termination-log' ? message.replace(/\n$/, '') : '';
  const parameters = outputs.parameters.map((parameter) => ({
    ...parameter,
    value: read(parameter.valueFrom?.path) || (parameter.valueFrom?.default ?? ''),
  }));
  return { parameters };
}

export function withoutMessage<T extends { message?: string }>(status: T): Omit<T, 'message'> {
  const copy = { ...status };
  delete copy.message;
  return copy;
}

/** Why the pod waits: the scheduler's condition, or the first container that says more than that it is being made. */
function waiting(pod: Pod): { readonly message?: string } {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') return { message: `${scheduled.reason ?? ''}: ${scheduled.message ?? ''}` };
  const why = pod.status?.containerStatuses?.[0]?.state?.waiting;
  if (why?.reason === undefined) return {};
  return { message: why.message === undefined ? why.reason : `${why.reason}: ${why.message}` };
}
