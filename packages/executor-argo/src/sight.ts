import type { Pod } from '@runner/kube';
import type { RunSight } from '@runner/kube/runs';
import { isLivePod, mainStatus, ownerOf, timeOf } from '@runner/kube/runs';
import type { Workflow, WorkflowNode } from './workflow/objects.ts';
import { TEMPLATES } from './workflow/objects.ts';

/** What is there of one run: its Workflow, if it stands, and all pods that carry the run's id, where pods can be seen. */
export interface WorkflowSight extends RunSight {
  readonly workflow?: Workflow;
  /** Nothing was found, in a place whose lists may be old: for how long it is to be looked for yet, in milliseconds. */
  readonly unprovenMs?: number;
  /** Nothing was found there for so long that the run is absent. */
  readonly proven?: true;
}

const NODE_NAME = 'workflows.argoproj.io/node-name';
const ON_EXIT = 'workflows.argoproj.io/on-exit';
const EXIT_SUFFIX = '.onExit';

/** True for the pod of the exit step. */
export function isExitPod({ metadata }: Pod): boolean {
  if (metadata?.labels?.[ON_EXIT] === 'true') return true;
  return metadata?.annotations?.[NODE_NAME]?.endsWith(EXIT_SUFFIX) === true;
}

export const workflowOwnerOf = (pod: Pod): ReturnType<typeof ownerOf> => ownerOf(pod, 'Workflow');

/** The pod of the main program: of this Workflow before others, living before ended, newest first. */
export function mainPodOf({ workflow, pods }: RunSight & Pick<WorkflowSight, 'workflow'>): Pod | undefined {
  const rank = (pod: Pod): number =>
    (workflowOwnerOf(pod)?.uid === workflow?.metadata?.uid ? 2 : 0) + (isLivePod(pod) ? 1 : 0);
  const age = (pod: Pod): number => timeOf(pod.metadata?.creationTimestamp) ?? 0;
  return pods
    .filter((pod) => !isExitPod(pod))
    .toSorted((a, b) => rank(b) - rank(a) || age(b) - age(a))
    .at(0);
}

/** The pod that says how the run ended: one that is there, or one that is gone, as it was seen last. */
export function endPodOf(sight: WorkflowSight): Pod | undefined {
  return mainPodOf(sight) ?? sight.lastPod;
}

/** Status of the main step, where Argo shows it. The entry point's node is called like the Workflow. */
export function mainNodeOf(workflow: Workflow | undefined): WorkflowNode | undefined {
  const nodes = workflow?.status?.nodes ?? {};
  const name = workflow?.metadata?.name ?? '';
  const all = Object.values(nodes);
  return (
    nodes[name] ??
    all.find((node) => node.name === name) ??
    all.find(({ templateName }) => templateName === TEMPLATES.main)
  );
}

/** Status of the exit step, once it has begun. */
export function exitNodeOf(workflow: Workflow | undefined): WorkflowNode | undefined {
  return Object.values(workflow?.status?.nodes ?? {}).find(({ name }) => name?.endsWith(EXIT_SUFFIX) === true);
}

const OVER: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Error']);
const NODE_OVER: ReadonlySet<string> = new Set([...OVER, 'Skipped', 'Omitted']);

/** Whether Argo is done with it. Later versions may have phases that nobody knows yet; the label says it for all. */
export function isFinished(workflow: Workflow | undefined): boolean {
  if (workflow === undefined) return false;
  const { phase = '' } = workflow.status ?? {};
  return OVER.has(phase) || workflow.metadata?.labels?.['workflows.argoproj.io/completed'] === 'true';
}

export function isNodeOver(node: WorkflowNode | undefined): boolean {
  return NODE_OVER.has(node?.phase ?? '');
}

/**
 * Whether the main program will write nothing more. Its pod knows first; but a pod may be shown later than the Workflow, and
 * an exit code Argo has read from the container that ended.
 */
export function isMainOver(sight: WorkflowSight): boolean {
  const pod = mainPodOf(sight);
  if (pod !== undefined) {
    return mainStatus(pod)?.state?.terminated !== undefined || !isLivePod(pod) || hasExited(sight, pod);
  }
  return sight.workflow === undefined || isNodeOver(mainNodeOf(sight.workflow)) || isFinished(sight.workflow);
}

function hasExited({ workflow }: WorkflowSight, pod: Pod): boolean {
  const node = mainNodeOf(workflow);
  const isOwn = workflow !== undefined && workflowOwnerOf(pod)?.uid === workflow.metadata?.uid;
  return isOwn && isNodeOver(node) && node?.outputs?.exitCode !== undefined;
}

/** When the main program ended, in epoch milliseconds. */
export function mainEndedAt(sight: WorkflowSight): number | undefined {
  return (
    timeOf(mainStatus(endPodOf(sight))?.state?.terminated?.finishedAt) ?? timeOf(mainNodeOf(sight.workflow)?.finishedAt)
  );
}
