import type { Observation, WorkloadOwner } from '@runner/executor';
import { isRunId } from '@runner/executor';
import type { Pod } from '@runner/kube';
import { PODS } from '@runner/kube';
import { isFailure, isLivePod, keepPod, noted, oldest, ownerSelector, runIdOf, runSelector } from '@runner/kube/runs';
import { keepWorkflow } from './kept.ts';
import { readTail } from './log-tail.ts';
import { judge } from './observation.ts';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { workflowOwnerOf } from './sight.ts';
import type { Workflow } from './workflow/objects.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/**
 * What is there of one run now: its Workflow, then its pods. Where lists may be old, a Workflow whose name is known is
 * asked for by that as well, and one that is not found is only proven to be absent when that is so for some time.
 */
export async function readRun(parts: ArgoParts, runId: string, signal: AbortSignal): Promise<WorkflowSight> {
  if (!isRunId(runId)) return { runId, pods: [] };
  const sights = await readSights(parts, runSelector(runId), signal);
  const sight = sights.find((one) => one.runId === runId) ?? (await byName(parts, runId, signal));
  if (sight.workflow !== undefined || sight.pods.length > 0) {
    parts.absences.found(runId);
    return sight;
  }
  if (parts.argo.listsAreFresh) return sight;
  const unprovenMs = parts.absences.missing(runId);
  return unprovenMs === undefined ? { ...sight, proven: true } : { ...sight, unprovenMs };
}

/** The same for all runs of one owner. */
export async function readOwner(
  parts: ArgoParts,
  owner: WorkloadOwner,
  signal: AbortSignal,
): Promise<readonly WorkflowSight[]> {
  return await readSights(parts, ownerSelector(owner), signal);
}

/** A Workflow by its name is never old. */
async function byName(parts: ArgoParts, runId: string, signal: AbortSignal): Promise<WorkflowSight> {
  const { argo, namespace, names } = parts;
  const name = names.get(runId);
  const nothing = { runId, pods: [] };
  if (name === undefined || argo.listsAreFresh) return nothing;
  const workflow = await argo.workflows.get(WORKFLOWS, namespace, name, { signal });
  return workflow === undefined || runIdOf(workflow) !== runId
    ? nothing
    : { ...nothing, workflow: keepWorkflow(workflow) };
}

async function readSights(
  parts: ArgoParts,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly WorkflowSight[]> {
  const { argo, kube, namespace } = parts;
  // Workflows first: one that is over has no pod that a later list could lack.
  const workflows = await argo.workflows.list(WORKFLOWS, namespace, { labelSelector, keep: keepWorkflow, signal });
  const pods =
    kube === undefined ? [] : (await kube.list(PODS, namespace, { labelSelector, keep: keepPod, signal })).items;
  return await Promise.all(
    grouped(workflows.items, pods).map(async (sight) => {
      const workflow = sight.workflow ?? (await workflowOfPods(parts, sight, signal));
      if (workflow === undefined) return noted(parts.notes, sight);
      remember(parts, sight.runId, workflow);
      return noted(parts.notes, { ...sight, workflow });
    }),
  );
}

/**
 * The Workflow of pods that a list of Workflows does not show: one that was taken before it was created, or is old, or it
 * is gone.
 */
async function workflowOfPods(
  { argo, namespace }: ArgoParts,
  { runId, pods }: WorkflowSight,
  signal: AbortSignal,
): Promise<Workflow | undefined> {
  const live = pods.find((pod) => isLivePod(pod) && workflowOwnerOf(pod) !== undefined);
  const owner = live === undefined ? undefined : workflowOwnerOf(live);
  if (owner === undefined) return undefined;
  const workflow = await argo.workflows.get(WORKFLOWS, namespace, owner.name, { signal });
  return workflow === undefined || runIdOf(workflow) !== runId ? undefined : keepWorkflow(workflow);
}

/** Most names that are remembered; the oldest go first. */
const MOST_NAMES = 20_000;

export function remember({ names }: ArgoParts, runId: string, { metadata }: Workflow): void {
  if (metadata?.name === undefined || names.get(runId) === metadata.name) return;
  names.set(runId, metadata.name);
  for (const oldestRun of names.keys()) {
    if (names.size <= MOST_NAMES) return;
    names.delete(oldestRun);
  }
}

function grouped(workflows: readonly Workflow[], pods: readonly Pod[]): readonly WorkflowSight[] {
  const found = new Map<string, { workflows: Workflow[]; pods: Pod[] }>();
  const of = (runId: string): { workflows: Workflow[]; pods: Pod[] } => {
    const one = found.get(runId) ?? { workflows: [], pods: [] };
    found.set(runId, one);
    return one;
  };
  for (const workflow of workflows) {
    const runId = runIdOf(workflow);
    if (runId !== undefined) of(runId).workflows.push(workflow);
  }
  for (const pod of pods) {
    const runId = runIdOf(pod);
    if (runId !== undefined) of(runId).pods.push(pod);
  }
  return [...found].map(([runId, { workflows: copies, pods: own }]) => {
    const workflow = oldest(copies);
    return { runId, pods: own, ...(workflow === undefined ? {} : { workflow }) };
  });
}

/** The judgement of what was seen, with the end of the log where it failed. */
export async function judged(parts: ArgoParts, sight: WorkflowSight, signal: AbortSignal): Promise<Observation> {
  const seen = judge(sight, parts.context());
  if (!isFailure(seen)) return seen;
  const logTail = await readTail(parts, sight, signal);
  return logTail === undefined ? seen : judge(sight, { ...parts.context(), logTail });
}

/** What is seen of one run now. */
export async function look(parts: ArgoParts, runId: string, signal: AbortSignal): Promise<Observation> {
  return await judged(parts, await readRun(parts, runId, signal), signal);
}
