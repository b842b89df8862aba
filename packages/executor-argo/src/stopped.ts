import type { Pod } from '@runner/kube';
import { mainStatus } from '@runner/kube/runs';
import { exitCodeOf } from './node-evidence.ts';
import type { WorkflowSight } from './sight.ts';
import { endPodOf, exitNodeOf, mainNodeOf } from './sight.ts';

/**
 * Whether somebody may have ended the main program with the Workflow. Argo begins no exit step of a Workflow that is
 * terminated, so where there is one, the main program was over: terminated was an exit step that took too long. A stop may
 * have come before that; Argo asks with signals.
 */
export function wasStopped(sight: WorkflowSight): boolean {
  const { workflow } = sight;
  const shutdown = workflow?.spec?.shutdown ?? '';
  if (shutdown !== 'Terminate' || exitNodeOf(workflow) === undefined) return shutdown !== '';
  const { code, message, isOther } = endOfMain(sight);
  if (isOther) return false;
  return code === undefined ? message === '' || TAKEN.test(message) : STOP_CODES.has(code);
}

/**
 * Whether the main program of a Workflow that somebody stopped ended as stops end programs. Whoever asks for its end
 * afterwards, as a user does who cancels what another has stopped, comes too late for a reason, and not for a failure.
 */
export function wasEndedByStop(sight: WorkflowSight): boolean {
  if (!wasStopped(sight)) return false;
  const { code, message, isOther } = endOfMain(sight);
  return !isOther && (TAKEN.test(message) || (code !== undefined && code !== 0 && STOP_CODES.has(code)));
}

interface MainEnd {
  readonly code: number | undefined;
  /** What Argo says of the step. */
  readonly message: string;
  /** The node, a deadline or a lack of memory ended it. */
  readonly isOther: boolean;
}

function endOfMain(sight: WorkflowSight): MainEnd {
  const node = mainNodeOf(sight.workflow);
  const message = node?.message ?? '';
  const pod = endPodOf(sight);
  const ended = mainStatus(pod)?.state?.terminated;
  const isOutOfMemory = ended?.reason === 'OOMKilled' || /\bOOMKilled\b/.test(message);
  return {
    code: ended?.exitCode ?? (node === undefined ? undefined : exitCodeOf(node)),
    message,
    isOther: isOutOfMemory || isEndedByNode(pod) || EXPIRED.test(message),
  };
}

/** An eviction, a deadline that passed: but not one that was brought forward because a stop had no effect. */
function isEndedByNode(pod: Pod | undefined): boolean {
  return pod?.status?.reason !== undefined && pod.spec?.activeDeadlineSeconds !== 1;
}

/** How programs end that Argo ends: by SIGTERM, by SIGKILL, or politely. */
const STOP_CODES: ReadonlySet<number> = new Set([0, 137, 143]);
/** What Argo says of a step whose pod it took away for a stop; also of pods that others deleted. */
const TAKEN = /^(?:workflow shutdown|pod deleted)/;
/** What it says of one that the node or a deadline ended. */
const EXPIRED = /^(?:Step exceeded its deadline|Pod was active on the node|Pod ephemeral|The node )/;

/** Whether Argo says of a step that it did not end by itself. */
export const wasTaken = (message: string): boolean => TAKEN.test(message) || EXPIRED.test(message);
