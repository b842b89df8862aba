import type { Observation, PresentObservation, WorkloadPhase, WorkloadRef } from '@runner/executor';
import type { DiagnosisContext, NodeTaints } from '@runner/kube';
import { placementType } from '@runner/kube';
import type { StoredIntent } from '@runner/kube/runs';
import { beganAt, hasBegun, isLeaving, isLivePod, kindOf, mainStatus, pipelineTypeOf, timeOf } from '@runner/kube/runs';
import { intentOfWorkflow } from './intents.ts';
import { outcomeOf } from './outcome.ts';
import type { WorkflowSight } from './sight.ts';
import {
  endPodOf,
  isFinished,
  isMainOver,
  isNodeOver,
  mainEndedAt,
  mainNodeOf,
  mainPodOf,
  workflowOwnerOf,
} from './sight.ts';
import { whyWaiting } from './waiting.ts';

export interface JudgeContext {
  readonly namespace: string;
  /** Variable of the placement settings, for hints. */
  readonly placementVariable: string;
  /** Nodes and their taints, where they are known. */
  readonly nodes?: readonly NodeTaints[];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly untouchedMs: number;
  /** Why this process ended Workflows that cannot be annotated, by uid. */
  readonly intents?: ReadonlyMap<string, StoredIntent>;
  /** The redacted end of the output; asked for failures only. */
  readonly logTail?: string;
}

/** What one run is, given what is there of it. Pure; the heart of the executor. */
export function judge(sight: WorkflowSight, context: JudgeContext): Observation {
  const { runId, workflow } = sight;
  const base = { runId, observedAt: context.now };
  if (sight.unprovenMs !== undefined) {
    const reason = 'no Workflow of the run is found, in a list that may be old';
    return { ...base, presence: 'unknown', reason, unproven: true };
  }
  const pod = mainPodOf(sight) ?? sight.pods.find(isLivePod);
  const subject = workflow ?? pod;
  if (subject === undefined || isRemnant(sight)) {
    return { ...base, presence: 'absent', ...(sight.proven === true ? { proven: true } : {}) };
  }
  const pipelineType = pipelineTypeOf(subject);
  const workload = referenceOf(sight);
  if (pipelineType === undefined || workload === undefined) {
    return { ...base, presence: 'unknown', reason: 'what stands there of the run does not say what it is' };
  }
  const phase = phaseOf(sight, context);
  const placement = placementType({ kind: kindOf(subject), pipelineType });
  return {
    ...base,
    presence: 'present',
    workload,
    pipelineType,
    phase,
    ...timesOf(sight, phase),
    ...stateOf(sight, phase, { ...context, pipelineType: placement }),
  };
}

type State = Pick<PresentObservation, 'outcome' | 'diagnosis' | 'suspended'>;

function stateOf(
  sight: WorkflowSight,
  phase: WorkloadPhase,
  context: JudgeContext & { readonly pipelineType: string },
): State {
  const { namespace, placementVariable, pipelineType, intents, logTail, nodes, now, untouchedMs } = context;
  const diagnosis: DiagnosisContext = { placementVariable, pipelineType, namespace };
  if (phase === 'ended') {
    const intent = intentOfWorkflow(sight.workflow, intents);
    return {
      outcome: outcomeOf(sight, {
        diagnosis,
        ...(intent === undefined ? {} : { intent }),
        ...(logTail === undefined ? {} : { logTail }),
      }),
    };
  }
  const why = whyWaiting(sight, { diagnosis, now, untouchedMs, ...(nodes === undefined ? {} : { nodes }) });
  const suspended = phase === 'pending' && sight.workflow?.spec?.suspend === true;
  return { ...(why === undefined ? {} : { diagnosis: why }), ...(suspended ? { suspended: true } : {}) };
}

/** What is left of a Workflow that was deleted: pods that have ended. Nothing of the run executes, and nothing will. */
function isRemnant({ workflow, pods }: WorkflowSight): boolean {
  return workflow === undefined && !pods.some(isLivePod);
}

/** The Workflow, or, for a pod that has outlasted it, the Workflow it belonged to. */
function referenceOf({ workflow, pods }: WorkflowSight): WorkloadRef | undefined {
  const pod = pods.find(isLivePod);
  const { name, uid } = workflow?.metadata ?? (pod === undefined ? undefined : workflowOwnerOf(pod)) ?? {};
  if (name !== undefined && uid !== undefined) return { kind: 'Workflow', name, uid };
  const { name: podName, uid: podUid } = pod?.metadata ?? {};
  return podName === undefined || podUid === undefined ? undefined : { kind: 'Pod', name: podName, uid: podUid };
}

function phaseOf(sight: WorkflowSight, { intents }: JudgeContext): WorkloadPhase {
  const { workflow, pods } = sight;
  const live = pods.filter(isLivePod);
  if (workflow === undefined) return live.some(isLeaving) ? 'ending' : 'running';
  if (isFinished(workflow)) return live.length === 0 ? 'ended' : 'ending';
  const isStopping =
    isLeaving(workflow) || (workflow.spec?.shutdown ?? '') !== '' || intentOfWorkflow(workflow, intents) !== undefined;
  // The main program is over, and the exit step or Argo itself is not.
  if (isStopping || (hasMain(sight) && isMainOver(sight))) return 'ending';
  return hasProgramBegun(sight) ? 'running' : 'pending';
}

function hasMain(sight: WorkflowSight): boolean {
  return endPodOf(sight) !== undefined || mainNodeOf(sight.workflow) !== undefined;
}

/** Whether the main program has begun: its pod knows, or the node, which was read from the pod. Either may be late. */
export function hasProgramBegun(sight: WorkflowSight): boolean {
  const node = mainNodeOf(sight.workflow);
  if (hasBegun(endPodOf(sight)) || node?.phase === 'Running') return true;
  return isNodeOver(node) && node?.outputs?.exitCode !== undefined;
}

function timesOf(sight: WorkflowSight, phase: WorkloadPhase): Pick<PresentObservation, 'startedAt' | 'endedAt'> {
  const startedAt = hasProgramBegun(sight) ? startOf(sight) : undefined;
  const { finishedAt } = sight.workflow?.status ?? {};
  const isOver = phase === 'ended' || (phase === 'ending' && isMainOver(sight));
  const endedAt = isOver ? (mainEndedAt(sight) ?? (phase === 'ended' ? timeOf(finishedAt) : undefined)) : undefined;
  return {
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt: Math.max(endedAt, startedAt ?? 0) }),
  };
}

/** When the program began. A container that ended without a time never did; of a step Argo knows when it was made. */
function startOf(sight: WorkflowSight): number | undefined {
  const pod = endPodOf(sight);
  const isTold = mainStatus(pod)?.state?.terminated !== undefined;
  return beganAt(pod) ?? (isTold ? undefined : timeOf(mainNodeOf(sight.workflow)?.startedAt));
}
