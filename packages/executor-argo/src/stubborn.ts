import type { Timer } from '@runner/core';
import type { Pod } from '@runner/kube';
import { PODS } from '@runner/kube';
import type { RunAttendant } from '@runner/kube/runs';
import { isAborted, isLeaving, isLivePod, mainStatus } from '@runner/kube/runs';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { isFinished, mainPodOf } from './sight.ts';

/**
 * Ends programs that go on although Argo has ended them. Argo signals the first process of a container from inside of it,
 * where the kernel lets nobody kill that one: a program that ignores SIGTERM outlives its Workflow. The kubelet can end it,
 * and does when the pod's own deadline has passed, which everybody with the right to patch pods can bring forward.
 */
export class Stubborn implements RunAttendant<WorkflowSight> {
  readonly #parts: ArgoParts;
  readonly #signal: AbortSignal;
  readonly #timers = new Map<string, Timer>();

  constructor(parts: ArgoParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  see(sight: WorkflowSight): void {
    const { runId } = sight;
    const pod = stubbornPod(sight);
    if (pod === undefined) {
      this.forget(runId);
      return;
    }
    if (!this.#timers.has(runId)) this.#wait(runId, pod);
  }

  forget(runId: string): void {
    this.#timers.get(runId)?.cancel();
    this.#timers.delete(runId);
  }

  stop(): void {
    for (const runId of [...this.#timers.keys()]) this.forget(runId);
  }

  #wait(runId: string, pod: Pod): void {
    if (this.#signal.aborted) return;
    const { clock, timings } = this.#parts;
    const graceMs = (pod.spec?.terminationGracePeriodSeconds ?? 0) * 1_000;
    this.#timers.set(
      runId,
      clock.setTimer(graceMs + timings.stubbornMs, () => void this.#end(runId, pod)),
    );
  }

  async #end(runId: string, pod: Pod): Promise<void> {
    const { kube, namespace, logger } = this.#parts;
    const name = pod.metadata?.name;
    if (kube === undefined || name === undefined || this.#signal.aborted) return;
    try {
      await kube.patch(PODS, namespace, name, { spec: { activeDeadlineSeconds: 1 } }, { signal: this.#signal });
      logger.info('a program did not end with its Workflow; its pod is ended by its deadline', { runId });
    } catch (error) {
      if (isAborted(this.#signal)) return;
      logger.warn('the pod of a program that does not end could not be ended; trying again', { runId, error });
    }
    // It may not have been enough; see() forgets it once the pod has ended.
    if (this.#timers.has(runId)) this.#wait(runId, pod);
  }
}

/** The pod whose program runs although Argo is done with the Workflow, or was told to be. */
function stubbornPod(sight: WorkflowSight): Pod | undefined {
  const { workflow } = sight;
  const isOver = isFinished(workflow) || (workflow?.spec?.shutdown ?? '') !== '';
  const pod = isOver ? mainPodOf(sight) : undefined;
  const runs = mainStatus(pod)?.state?.running !== undefined;
  return pod !== undefined && runs && isLivePod(pod) && !isLeaving(pod) ? pod : undefined;
}
