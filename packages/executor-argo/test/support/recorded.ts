import { readFileSync } from 'node:fs';
import type { Pod } from '@runner/kube';
import { keepPod, runIdOf } from '@runner/kube/runs';
import { keepWorkflow } from '../../src/kept.ts';
import type { JudgeContext } from '../../src/observation.ts';
import type { WorkflowSight } from '../../src/sight.ts';
import type { Workflow } from '../../src/workflow/objects.ts';

const folder = new URL('../recordings/', import.meta.url);

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, folder), 'utf8'));

export function recordedWorkflow(state: string): Workflow {
  return keepWorkflow(read(`workflows/${state}.json`) as Workflow);
}

/** What a real Argo and a real cluster showed of a run. */
export function recorded(state: string): WorkflowSight & { readonly workflow: Workflow } {
  const workflow = recordedWorkflow(state);
  const items = read(`pods/${state}.json`) as readonly Pod[];
  return { runId: runIdOf(workflow) ?? '', workflow, pods: items.map(keepPod) };
}

/** The same where only Argo can be asked. */
export function withoutPods(state: string): WorkflowSight & { readonly workflow: Workflow } {
  return { ...recorded(state), pods: [] };
}

/** Some time after all of them were recorded. */
export const context: JudgeContext = {
  namespace: 'argo-recordings',
  placementVariable: 'ARGO_PIPELINE_TYPE_CONFIGS',
  now: Date.UTC(2027, 0, 1),
  untouchedMs: 15_000,
};
