import type { Timer } from '@runner/core';
import type { Observation } from '@runner/executor';
import type { Pod } from '@runner/kube';
import { JOBS } from '@runner/kube';
import type { RunAttendant } from '@runner/kube/runs';
import { isLivePod, mainStatus } from '@runner/kube/runs';
import type { MainEnd } from './annotations.ts';
import { MAIN_END_ANNOTATION, mainEndOf, mainEndText } from './annotations.ts';
import type { K8sParts } from './parts.ts';
import type { JobSight } from './sight.ts';
import { jobOwnerOf, podOf } from './sight.ts';

interface Wait {
  readonly podUid: string;
  timer: Timer;
  /** As it was seen last. */
  sight: JobSight;
}

/**
 * Ends the Job of a run whose program has ended while another container, such as the proxy of a service mesh, keeps the
 * pod alive. How `main` ended is written down in the same patch, because the Job's controller deletes the pod then.
 */
export class Lingering implements RunAttendant<JobSight> {
  readonly #parts: K8sParts;
  readonly #signal: AbortSignal;
  readonly #waits = new Map<string, Wait>();

  constructor(parts: K8sParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  see(sight: JobSight, seen: Observation): void {
    const { runId } = sight;
    const podUid = isRunning(seen) ? lingerer(sight)?.metadata?.uid : undefined;
    const before = this.#waits.get(runId);
    if (before !== undefined && before.podUid === podUid) {
      before.sight = sight;
      return;
    }
    this.forget(runId);
    if (podUid !== undefined && !this.#signal.aborted) {
      this.#waits.set(runId, { podUid, sight, timer: this.#timer(runId) });
    }
  }

  forget(runId: string): void {
    this.#waits.get(runId)?.timer.cancel();
    this.#waits.delete(runId);
  }

  stop(): void {
    for (const runId of [...this.#waits.keys()]) this.forget(runId);
  }

  #timer(runId: string): Timer {
    return this.#parts.clock.setTimer(this.#parts.timings.lingerMs, () => void this.#end(runId));
  }

  /** After a patch the wait stays without a timer until the watch shows the Job as patched: so there is only one. */
  async #end(runId: string): Promise<void> {
    const wait = this.#waits.get(runId);
    const end = wait === undefined ? undefined : mainEnd(podOf(wait.sight));
    const { name, resourceVersion } = wait?.sight.job?.metadata ?? {};
    if (wait === undefined || end === undefined || name === undefined || resourceVersion === undefined) return;
    const { api, namespace, logger } = this.#parts;
    const patch = {
      metadata: { resourceVersion, annotations: { [MAIN_END_ANNOTATION]: mainEndText(end) } },
      spec: { activeDeadlineSeconds: 1 },
    };
    try {
      await api.patch(JOBS, namespace, name, patch, { signal: this.#signal });
      logger.info('the program of a run has ended and other containers have not; its Job is ended', { runId });
    } catch (error) {
      if (this.#signal.aborted) return;
      logger.warn('a Job whose program has ended could not be ended; trying again', { runId, error });
      if (this.#waits.get(runId) === wait) wait.timer = this.#timer(runId);
    }
  }
}

function isRunning(seen: Observation): boolean {
  return seen.presence === 'present' && seen.phase === 'running';
}

/** The pod of this Job that lives on although its main program has ended, unless that is being dealt with. */
function lingerer(sight: JobSight): Pod | undefined {
  const { job } = sight;
  const pod = podOf(sight);
  if (job === undefined || pod === undefined || mainEndOf(job) !== undefined) return undefined;
  const isOfThisJob = jobOwnerOf(pod)?.uid === job.metadata?.uid;
  return isOfThisJob && isLivePod(pod) && mainEnd(pod) !== undefined ? pod : undefined;
}

/** How `main` ended; undefined when the node has lost track of it. */
function mainEnd(pod: Pod | undefined): MainEnd | undefined {
  const ended = mainStatus(pod)?.state?.terminated;
  return ended?.reason === 'ContainerStatusUnknown' ? undefined : ended;
}
