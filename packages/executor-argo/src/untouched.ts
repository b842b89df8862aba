import type { Clock, Timer } from '@runner/core';
import type { Observation } from '@runner/executor';
import type { RunAttendant } from '@runner/kube/runs';
import { timeOf } from '@runner/kube/runs';
import type { WorkflowSight } from './sight.ts';

interface UntouchedOptions {
  readonly clock: Clock;
  readonly untouchedMs: number;
  readonly onNews: (runId: string) => void;
}

/** Looks again at Workflows that no controller has begun with, when it is time to say so: nothing else would happen. */
export class Untouched implements RunAttendant<WorkflowSight> {
  readonly #options: UntouchedOptions;
  readonly #timers = new Map<string, Timer>();

  constructor(options: UntouchedOptions) {
    this.#options = options;
  }

  see({ runId, workflow }: WorkflowSight, seen: Observation): void {
    const created = timeOf(workflow?.metadata?.creationTimestamp);
    const waits = seen.presence === 'present' && seen.phase === 'pending' && (workflow?.status?.phase ?? '') === '';
    if (!waits || created === undefined || seen.diagnosis !== undefined) {
      this.forget(runId);
      return;
    }
    if (this.#timers.has(runId)) return;
    const { clock, untouchedMs, onNews } = this.#options;
    const ms = Math.max(1, created + untouchedMs - clock.now());
    const look = (): void => {
      this.#timers.delete(runId);
      onNews(runId);
    };
    this.#timers.set(runId, clock.setTimer(ms, look));
  }

  forget(runId: string): void {
    this.#timers.get(runId)?.cancel();
    this.#timers.delete(runId);
  }

  stop(): void {
    for (const runId of [...this.#timers.keys()]) this.forget(runId);
  }
}
