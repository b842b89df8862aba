import type { Timer } from '@runner/core';
import type { RunAttendant } from '@runner/kube/runs';
import { isAborted, timeOf } from '@runner/kube/runs';
import { intentOfWorkflow } from './intents.ts';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { exitNodeOf, isFinished, isMainOver, mainEndedAt, mainNodeOf } from './sight.ts';

/** How long the controller may take to notice what happened to pods; and between two tries to terminate. */
const SLACK_MS = 10_000;

interface Wait {
  readonly at: number;
  readonly timer: Timer;
  /** It was tried before, and is tried again then whatever is seen meanwhile. */
  readonly isRepeated: boolean;
}

/**
 * Terminates Workflows whose exit step takes longer than it may, or that do not come to their end after they were asked
 * to stop. When that is follows from the Workflow itself, so any process that watches it does it, also after a restart.
 */
export class Overdue implements RunAttendant<WorkflowSight> {
  readonly #parts: ArgoParts;
  readonly #signal: AbortSignal;
  readonly #timers = new Map<string, Wait>();
  /** Since when Workflows are seen to be stopped by somebody who left no time. */
  readonly #since = new Map<string, number>();

  constructor(parts: ArgoParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  see(sight: WorkflowSight): void {
    const { runId } = sight;
    const since = this.#endingSince(sight);
    if (since === undefined) {
      this.forget(runId);
      return;
    }
    const at = since + this.#parts.exitDeadlineMs + (isStopped(sight) ? 0 : SLACK_MS);
    const known = this.#timers.get(runId);
    if (known !== undefined && (known.isRepeated || known.at <= at)) return;
    this.#set(sight, at, false);
  }

  forget(runId: string): void {
    this.#timers.get(runId)?.timer.cancel();
    this.#timers.delete(runId);
    this.#since.delete(runId);
  }

  stop(): void {
    for (const runId of [...this.#timers.keys()]) this.forget(runId);
    this.#since.clear();
  }

  #set(sight: WorkflowSight, at: number, isRepeated: boolean): void {
    const { runId } = sight;
    const { clock } = this.#parts;
    this.#timers.get(runId)?.timer.cancel();
    if (this.#signal.aborted) return;
    const timer = clock.setTimer(Math.max(0, at - clock.now()), () => void this.#terminate(sight, at));
    this.#timers.set(runId, { at, timer, isRepeated });
  }

  /** Epoch milliseconds from which the exit step has its time. Undefined for what is not ending. */
  #endingSince(sight: WorkflowSight): number | undefined {
    const { workflow, runId } = sight;
    if (workflow === undefined || isFinished(workflow) || workflow.spec?.shutdown === 'Terminate') return undefined;
    const exitNode = exitNodeOf(workflow);
    // A controller that is late has not begun the exit step; whoever terminated then would take it away from the run.
    if (exitNode === undefined && !isStopped(sight)) return undefined;
    const { clock, intents } = this.#parts;
    const known = [
      isStopped(sight) ? intentOfWorkflow(workflow, intents)?.at : undefined,
      mainNodeOf(workflow) !== undefined && isMainOver(sight) ? mainEndedAt(sight) : undefined,
      timeOf(exitNode?.startedAt),
    ].filter((at) => at !== undefined);
    if (known.length > 0) return Math.max(...known);
    const first = this.#since.get(runId) ?? clock.now();
    this.#since.set(runId, first);
    return first;
  }

  async #terminate(sight: WorkflowSight, at: number): Promise<void> {
    const { runId, workflow } = sight;
    const { argo, namespace, logger, clock } = this.#parts;
    const name = workflow?.metadata?.name;
    if (name === undefined || this.#signal.aborted) return;
    try {
      await argo.shutdown(namespace, name, 'Terminate', { signal: this.#signal });
      logger.info('a Workflow did not end in time after it was asked to; it is terminated', { runId });
    } catch (error) {
      if (isAborted(this.#signal)) return;
      logger.warn('a Workflow that does not end could not be terminated; trying again', { runId, error });
      if (this.#timers.get(runId)?.at === at) this.#set(sight, clock.now() + SLACK_MS, true);
    }
  }
}

const isStopped = ({ workflow }: WorkflowSight): boolean => (workflow?.spec?.shutdown ?? '') !== '';
