import type { Observation, WorkloadOwner } from '@runner/executor';
import type { RunAttendant, RunCache, RunView } from '@runner/kube/runs';
import { EventReading, noted, ownerSelector, runCache, watchRuns } from '@runner/kube/runs';
import { keepWorkflow } from './kept.ts';
import { judged, readRun, remember } from './looking.ts';
import { judge } from './observation.ts';
import { Overdue } from './overdue.ts';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { isFinished, isMainOver, isExitPod, mainPodOf, workflowOwnerOf } from './sight.ts';
import { Stubborn } from './stubborn.ts';
import { Untouched } from './untouched.ts';
import type { Workflow } from './workflow/objects.ts';
import { WORKFLOWS } from './workflow/objects.ts';

/** How runs that are Workflows are looked at. */
export function workflowView(parts: ArgoParts): RunView<WorkflowSight> {
  return {
    judge: (sight) => judge(sight, parts.context()),
    judged: (sight, signal) => judged(parts, sight, signal),
    read: (runId, signal) => readRun(parts, runId, signal),
    hasObject: ({ workflow }) => workflow !== undefined,
    isExplained: (sight) => isFinished(sight.workflow) && isMainOver(sight),
    unprovenMs: ({ unprovenMs }) => unprovenMs,
  };
}

/** Tells each change of the owner's runs until the signal is aborted. */
export async function watchWorkflows(
  parts: ArgoParts,
  owner: WorkloadOwner,
  onObservation: (observation: Observation) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, logger, caches, timings } = parts;
  const { untouchedMs } = timings;
  await watchRuns<WorkflowSight>({
    ...{ clock, random, logger, caches, signal, onObservation },
    view: workflowView(parts),
    cache: (onTouched) => workflowCache(parts, owner, onTouched),
    attendants: (onNews) => [
      ...eventReading(parts, onNews, signal),
      new Untouched({ clock, untouchedMs, onNews }),
      new Overdue(parts, signal),
      // Only where pods can be seen is it known who goes on.
      ...(parts.kube === undefined ? [] : [new Stubborn(parts, signal)]),
    ],
  });
}

function workflowCache(
  parts: ArgoParts,
  owner: WorkloadOwner,
  onTouched: (runId: string) => void,
): RunCache<WorkflowSight> {
  const { argo, kube, namespace, clock, random, logger, notes, options } = parts;
  const { silenceMs, watchSeconds } = argo.streams;
  return runCache<Workflow, WorkflowSight>({
    ...{ namespace, clock, random, logger, onTouched },
    labelSelector: ownerSelector(owner),
    type: WORKFLOWS,
    keep: keepWorkflow,
    objects: {
      api: argo.workflows,
      observer: options.observer?.workflows,
      streams: { silenceMs, watchSeconds },
    },
    pods: kube === undefined ? undefined : { api: kube, observer: options.observer?.pods },
    sightOf: (found, workflow) => {
      if (workflow !== undefined) remember(parts, found.runId, workflow);
      return noted(notes, workflow === undefined ? found : { ...found, workflow });
    },
    isOwn: (pod, workflow) => !isExitPod(pod) && workflowOwnerOf(pod)?.uid === workflow?.metadata?.uid,
  });
}

/** Events of pods that do not begin, where the API server can be asked. */
function eventReading(
  parts: ArgoParts,
  onNews: (runId: string) => void,
  signal: AbortSignal,
): readonly RunAttendant<WorkflowSight>[] {
  const { kube: api, namespace, notes, nodes, clock, logger, timings } = parts;
  if (api === undefined || nodes === undefined) return [];
  return [
    new EventReading<WorkflowSight>({
      ...{ api, namespace, notes, nodes, clock, logger, onNews, signal },
      timings: { ...timings, noPodMs: timings.untouchedMs },
      // Argo's own events say nothing that the Workflow does not.
      targets: (sight) => ({ object: undefined, pod: mainPodOf(sight) }),
    }),
  ];
}
