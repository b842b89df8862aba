import type { Diagnosis, Outcome } from '@runner/executor';
import { diagnoseOutput, intendedDiagnosis } from '@runner/executor';
import type { DiagnosisContext } from '@runner/kube';
import { diagnoseEnd, diagnoseRefusal } from '@runner/kube';
import type { PodExit, StoredIntent } from '@runner/kube/runs';
import { causalPod, exitOfPod, plainExit, signalOf, tellingCause, timeOf } from '@runner/kube/runs';
import { exitCodeOf, podOfNode } from './node-evidence.ts';
import type { WorkflowSight } from './sight.ts';
import { endPodOf, exitNodeOf, isNodeOver, mainNodeOf } from './sight.ts';
import { wasEndedByStop, wasStopped, wasTaken } from './stopped.ts';
import type { WorkflowNode } from './workflow/objects.ts';

export interface OutcomeContext {
  readonly diagnosis: DiagnosisContext;
  readonly intent?: StoredIntent;
  /** The redacted end of the output; asked for failures only. */
  readonly logTail?: string;
}

/**
 * How a run ended that has ended. It is the end of the main program: the exit code where it ended by itself, else why it
 * was ended, else what Argo and the pod say. What becomes of the exit step changes nothing, and is told beside it.
 */
export function outcomeOf(sight: WorkflowSight, context: OutcomeContext): Outcome {
  const { workflow } = sight;
  const node = mainNodeOf(workflow);
  const exit = exitOf(sight, context.intent);
  const facts = {
    ...(exit === undefined ? {} : { exitCode: exit.code }),
    ...(exit?.signal === undefined ? {} : { signal: exit.signal }),
  };
  const isSuccess =
    exit === undefined ? (node ?? workflow?.status)?.phase === 'Succeeded' : exit.byItself && exit.code === 0;
  if (isSuccess) return { result: 'succeeded', ...facts, ...exitStepTrouble(sight) };
  const stop =
    exit?.byItself === true || endedByItself(node, sight, context.intent) ? undefined : stopOf(sight, context.intent);
  if (stop?.result === 'cancelled') {
    return { result: 'cancelled', ...facts, ...(stop.diagnosis === undefined ? {} : { diagnosis: stop.diagnosis }) };
  }
  const { logTail } = context;
  return {
    result: 'failed',
    ...facts,
    diagnosis: stop?.diagnosis ?? withExitStep(sight, causeOf(sight, exit, context)),
    ...(logTail === undefined || logTail === '' ? {} : { logTail }),
  };
}

/** Exit code of the main program, and whether it ended by itself. */
function exitOf(sight: WorkflowSight, intent: StoredIntent | undefined): PodExit | undefined {
  const node = mainNodeOf(sight.workflow);
  const pod = exitOfPod(endPodOf(sight), [intent === undefined ? undefined : wholeSecond(intent.at)]);
  if (pod !== undefined) {
    // Stopped by somebody who left no time: only a success of which Argo says so itself came before.
    const isUndated = wasStopped(sight) && intent === undefined && node?.phase !== 'Succeeded';
    return isUndated || wasEndedByStop(sight) ? { ...pod, byItself: false } : pod;
  }
  const code = node === undefined || !isNodeOver(node) ? undefined : exitCodeOf(node);
  if (node === undefined || code === undefined) return undefined;
  const signal = signalOf(code);
  return { code, ...(signal === undefined ? {} : { signal }), byItself: isNodeByItself(node, sight, intent) };
}

function isNodeByItself(node: WorkflowNode, sight: WorkflowSight, intent: StoredIntent | undefined): boolean {
  if (node.phase === 'Succeeded') return true;
  if (intent !== undefined) return endedByItself(node, sight, intent);
  return !wasStopped(sight) && !wasTaken(node.message ?? '');
}

/** True when the main step was over before anybody asked it to stop. */
function endedByItself(
  node: WorkflowNode | undefined,
  sight: WorkflowSight,
  intent: StoredIntent | undefined,
): boolean {
  const finished = timeOf(node?.finishedAt);
  const isEarlier = intent !== undefined && finished !== undefined && finished < wholeSecond(intent.at);
  return isEarlier && !wasEndedByStop(sight);
}

/** Kubernetes and Argo count whole seconds. */
const wholeSecond = (at: number): number => Math.floor(at / 1_000) * 1_000;

interface Stop {
  readonly result: 'cancelled' | 'failed';
  readonly diagnosis?: Diagnosis;
}

/** Why the Workflow was ended before its time, if it was. */
function stopOf(sight: WorkflowSight, intent: StoredIntent | undefined): Stop | undefined {
  if (intent?.reason === 'cancelled') return { result: 'cancelled' };
  if (intent !== undefined) return { result: 'failed', diagnosis: intendedDiagnosis(intent) };
  if (!wasStopped(sight)) return undefined;
  const isStop = sight.workflow?.spec?.shutdown === 'Stop';
  return {
    result: 'cancelled',
    diagnosis: {
      category: 'unknown',
      code: isStop ? 'workflow_stopped' : 'workflow_terminated',
      message: `The Workflow was ${isStop ? 'stopped' : 'terminated'} on purpose; Argo does not keep by whom.`,
      permanent: true,
    },
  };
}

function causeOf(sight: WorkflowSight, exit: PodExit | undefined, { diagnosis, logTail }: OutcomeContext): Diagnosis {
  const node = mainNodeOf(sight.workflow);
  const argo = ofArgo(sight, node, diagnosis);
  if (argo !== undefined) return argo;
  const pod = endPodOf(sight) ?? podOfNode(node);
  // Argo says no more of an eviction once the pod is gone; the exit code is that of a kill.
  if (endPodOf(sight) === undefined && DELETED.test(node?.message ?? '')) return POD_DELETED;
  const { events } = sight;
  const known = diagnoseEnd({
    ...(pod === undefined ? {} : { pod: causalPod(pod, exit) }),
    ...(events === undefined ? {} : { events }),
    context: diagnosis,
  });
  const said = exit?.byItself === true && logTail !== undefined ? diagnoseOutput(logTail) : undefined;
  return tellingCause(known, said) ?? (exit === undefined ? unexplained(sight, node) : plainExit(exit));
}

/** What only Argo can say. */
function ofArgo(
  { workflow }: WorkflowSight,
  node: WorkflowNode | undefined,
  context: DiagnosisContext,
): Diagnosis | undefined {
  const message = node?.message ?? workflow?.status?.message ?? '';
  if (/workflowtaskresults\S* is forbidden/.test(message)) return RESULTS_FORBIDDEN;
  if (/^Step exceeded its deadline/.test(message)) return WORKFLOW_DEADLINE;
  const program = NOT_FOUND.exec(message)?.[1];
  if (program !== undefined) return programMissing(program);
  // The pod could not be made. For what may pass, Argo tries again and the step is pending.
  return /^(?:error in entry template execution: )?(?:pods|Pod) "[^"]*" is (?:forbidden|invalid): /.test(message)
    ? diagnoseRefusal(message, context)
    : undefined;
}

/** What Argo's executor says, with exit code 64, when it cannot find the program of the container. */
const NOT_FOUND = /\(exit code 64\): failed to find name in PATH: exec: "([^"]{1,200})"/;

const programMissing = (program: string): Diagnosis => ({
  category: 'program',
  code: 'program_not_found',
  message: `The image has no program ${program}.`,
  hint: 'Check that INGESTION_IMAGE is an ingestion image.',
  permanent: true,
});

const RESULTS_FORBIDDEN: Diagnosis = {
  category: 'configuration',
  code: 'workflowtaskresults_forbidden',
  message: 'The service account of the workloads may not report to Argo (create workflowtaskresults.argoproj.io).',
  hint: "Give it a Role with the verbs create and patch on workflowtaskresults of argoproj.io, as Argo's documentation asks for.",
  permanent: true,
};

const WORKFLOW_DEADLINE: Diagnosis = {
  category: 'deadline',
  code: 'workflow_deadline',
  message: 'The Workflow took longer than its own deadline, waiting included, and was ended by Argo.',
  hint: 'It is the backstop behind the start deadline and the deadline of the run: see why the run waited so long.',
  permanent: true,
};

const DELETED = /^pod deleted/;
const POD_DELETED: Diagnosis = {
  category: 'lost',
  code: 'pod_deleted',
  message: 'The pod of the run was deleted while it was going on, so how the program ended cannot be read.',
  hint: 'Somebody deleted the pod, it was evicted, or its node was removed. Start the run again.',
  permanent: true,
};

function unexplained({ workflow }: WorkflowSight, node: WorkflowNode | undefined): Diagnosis {
  const said = (node?.message ?? workflow?.status?.message ?? '').replaceAll(/\s+/g, ' ').slice(0, 300);
  if (DELETED.test(said)) return POD_DELETED;
  return {
    category: 'unknown',
    code: 'workflow_failed',
    message: `Argo says that the Workflow failed${said === '' ? '' : `: ${said}`}.`,
    hint: 'See argo get, and the log of the workflow controller.',
    permanent: true,
  };
}

/** What is wrong after a success: a failing exit step is no failure of the run, and is told beside it. */
function exitStepTrouble(sight: WorkflowSight): { readonly diagnosis?: Diagnosis } {
  if (/workflowtaskresults\S* is forbidden/.test(mainNodeOf(sight.workflow)?.message ?? '')) {
    return { diagnosis: { ...RESULTS_FORBIDDEN, permanent: false } };
  }
  const failure = exitStepFailure(sight);
  if (failure === undefined) return {};
  return {
    diagnosis: {
      category: 'program',
      code: 'exit_step_failed',
      message: `The program succeeded; the exit step after it did not${failure}, so Argo shows the Workflow as failed.`,
      hint: 'The step reports bad ends to OpenMetadata. See the log of its pod; most often OpenMetadata cannot be reached from there.',
      permanent: false,
    },
  };
}

/** A failure whose report failed as well. */
function withExitStep(sight: WorkflowSight, diagnosis: Diagnosis): Diagnosis {
  const failure = exitStepFailure(sight);
  if (failure === undefined) return diagnosis;
  return { ...diagnosis, message: `${diagnosis.message} The exit step, which reports that, failed too${failure}.` };
}

/** What Argo says of an exit step that failed, in brackets. */
function exitStepFailure({ workflow }: WorkflowSight): string | undefined {
  const exit = exitNodeOf(workflow);
  if (exit === undefined || (exit.phase !== 'Failed' && exit.phase !== 'Error')) return undefined;
  const said = (exit.message ?? '').replaceAll(/\s+/g, ' ').slice(0, 300);
  return said === '' ? '' : ` (${said})`;
}
