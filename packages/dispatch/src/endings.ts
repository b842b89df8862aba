import type { Clock, Timer } from '@runner/core';
import type { Diagnosis, DiagnosisCategory, PresentObservation } from '@runner/executor';
import type { EndingReason, PendingRuns } from './ports.ts';
import type { Tasks } from './tasks.ts';

/** How long a permanent diagnosis may last, by category, in milliseconds. */
export const PERMANENT_GRACE_MS: Readonly<Partial<Record<DiagnosisCategory | 'default', number>>> = {
  // A tag that is just being pushed, a pull secret that is just being renewed.
  image: 120_000,
  default: 30_000,
};

/** After an end that the executor refused. */
const AGAIN_MS = 60_000;

export interface EndingsOptions {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly startDeadlineSeconds: (pipelineType: string) => number;
  readonly permanentGraceMs?: Readonly<Partial<Record<DiagnosisCategory | 'default', number>>>;
  /**
   * True while the run's start is on its way or expected: its workload may stand half made, and what it lacks is about to
   * be made. No diagnosis is permanent so long.
   */
  readonly isStarting: (runId: string) => boolean;
  /**
   * A run must be ended. Resolves to true when it was (or needs not be any more), to false when it could not be now:
   * then it is asked again by `resume` or after a minute.
   */
  readonly onDue: (due: DueEnding) => Promise<boolean>;
}

export interface DueEnding {
  readonly runId: string;
  readonly reason: EndingReason;
  readonly diagnosis: Diagnosis | undefined;
  /** True as long as the workload still waits to start; asked again right before the end. */
  readonly stillPending: () => boolean;
}

/**
 * Watches workloads that do not start: counts the time they wait, leaving out time in which somebody holds them back,
 * and how long a permanent diagnosis lasts. Time is this process's own: after a restart of the agent it begins again,
 * which is why the workload has a deadline of its own as a backstop.
 */
export interface Endings {
  see(observation: PresentObservation): void;
  /** `isStarting` may answer otherwise than before; the grace of a permanent diagnosis begins where a start has ended. */
  startChanged(runId: string): void;
  forget(runId: string): void;
  /**
   * This instance may end runs (again): what became due meanwhile is taken up. A permanent diagnosis has its grace anew,
   * for only the control plane's level tells which runs it has yet to start.
   */
  resume(): void;
  clear(): void;
  readonly size: number;
  /** The workloads that wait for their start now, by what keeps them. */
  pending(): PendingRuns;
}

interface Wait {
  readonly runId: string;
  readonly pipelineType: string;
  diagnosis: Diagnosis | undefined;
  suspended: boolean;
  waitedMs: number;
  /** Monotonic; undefined while suspended. */
  since: number | undefined;
  startTimer: Timer | undefined;
  permanent: { readonly code: string; readonly timer: Timer } | undefined;
  due: EndingReason | undefined;
  busy: boolean;
  /** Asked for while busy: the session that could not do it is over, the next one may. */
  again: boolean;
}

export function createEndings(options: EndingsOptions): Endings {
  const { clock, startDeadlineSeconds } = options;
  const grace = { ...PERMANENT_GRACE_MS, ...options.permanentGraceMs };
  const waits = new Map<string, Wait>();

  const forget = (runId: string): void => {
    const wait = waits.get(runId);
    wait?.startTimer?.cancel();
    wait?.permanent?.timer.cancel();
    waits.delete(runId);
  };

  const mayEnd = (wait: Wait, reason: EndingReason): boolean =>
    waits.get(wait.runId) === wait && !(reason === 'permanent_failure' && options.isStarting(wait.runId));
  const pursue = (wait: Wait, reason: EndingReason): void => {
    if (!mayEnd(wait, reason)) {
      restart(wait);
      return;
    }
    wait.due = reason;
    wait.again = wait.busy;
    if (!wait.busy) options.tasks.own(end(wait, reason), 'ending a run that does not start');
  };
  const end = async (wait: Wait, reason: EndingReason): Promise<void> => {
    const { runId } = wait;
    const stillPending = (): boolean => mayEnd(wait, reason);
    wait.busy = true;
    const diagnosis = diagnosisFor(wait, reason, startDeadlineSeconds);
    const done = await options.onDue({ runId, reason, diagnosis, stillPending });
    wait.busy = false;
    // Without a due reason: a start began meanwhile.
    if (waits.get(runId) !== wait || wait.due === undefined) return;
    const next = wait.due;
    if (done) wait.due = undefined;
    wait.startTimer?.cancel();
    wait.startTimer = clock.setTimer(wait.again ? 0 : AGAIN_MS, () => pursue(wait, next));
  };

  const startTimer = (wait: Wait, limitMs: number): Timer =>
    clock.setTimer(limitMs - wait.waitedMs, () => {
      count(wait);
      // Timers have a longest time; a deadline beyond it is reached in several steps.
      if (wait.waitedMs < limitMs) wait.startTimer = startTimer(wait, limitMs);
      else pursue(wait, 'start_deadline');
    });
  const count = (wait: Wait): void => {
    const now = clock.monotonic();
    if (wait.since !== undefined) wait.waitedMs += now - wait.since;
    wait.since = now;
  };
  const countStart = (wait: Wait): void => {
    const { suspended } = wait;
    if (wait.due !== undefined && !suspended) return;
    wait.startTimer?.cancel();
    wait.startTimer = undefined;
    count(wait);
    if (suspended) {
      wait.since = undefined;
      wait.due = undefined;
      return;
    }
    const limitMs = startDeadlineSeconds(wait.pipelineType) * 1000;
    if (Number.isFinite(limitMs)) wait.startTimer = startTimer(wait, limitMs);
  };
  const countPermanent = (wait: Wait): void => {
    const counts = wait.diagnosis?.permanent === true && !wait.suspended && !options.isStarting(wait.runId);
    const code = counts ? wait.diagnosis?.code : undefined;
    if (wait.permanent?.code === code) return;
    wait.permanent?.timer.cancel();
    wait.permanent = undefined;
    if (code === undefined || wait.diagnosis === undefined) return;
    const ms = grace[wait.diagnosis.category] ?? grace.default ?? 0;
    wait.permanent = { code, timer: clock.setTimer(ms, () => pursue(wait, 'permanent_failure')) };
  };
  /** A permanent diagnosis that was due, or whose time ran, is so no more; if it counts, it does from now on. */
  const restart = (wait: Wait): void => {
    wait.permanent?.timer.cancel();
    wait.permanent = undefined;
    if (wait.due === 'permanent_failure') wait.due = undefined;
    countStart(wait);
    countPermanent(wait);
  };

  return {
    see: (observation) => {
      const { runId, pipelineType } = observation;
      if (observation.phase !== 'pending') {
        forget(runId);
        return;
      }
      const wait = waits.get(runId) ?? newWait(runId, pipelineType);
      waits.set(runId, wait);
      wait.diagnosis = observation.diagnosis;
      wait.suspended = observation.suspended === true;
      countStart(wait);
      countPermanent(wait);
    },
    startChanged: (runId) => {
      const wait = waits.get(runId);
      if (wait !== undefined) restart(wait);
    },
    forget,
    resume: () => {
      for (const wait of waits.values()) {
        if (wait.due === 'permanent_failure') restart(wait);
        else if (wait.due !== undefined) pursue(wait, wait.due);
      }
    },
    clear: () => {
      for (const runId of waits.keys()) forget(runId);
    },
    get size() {
      return waits.size;
    },
    pending: () => pendingRuns(waits.values(), clock.monotonic()),
  };
}

function newWait(runId: string, pipelineType: string): Wait {
  return {
    runId,
    pipelineType,
    diagnosis: undefined,
    suspended: false,
    waitedMs: 0,
    since: undefined,
    startTimer: undefined,
    permanent: undefined,
    due: undefined,
    busy: false,
    again: false,
  };
}

function pendingRuns(waits: Iterable<Wait>, now: number): PendingRuns {
  const found: Partial<Record<DiagnosisCategory | 'none', { runs: number; longestSeconds: number }>> = {};
  for (const { diagnosis, waitedMs, since } of waits) {
    const seconds = (waitedMs + (since === undefined ? 0 : now - since)) / 1_000;
    const category = (found[diagnosis?.category ?? 'none'] ??= { runs: 0, longestSeconds: 0 });
    category.runs += 1;
    category.longestSeconds = Math.max(category.longestSeconds, seconds);
  }
  return found;
}

/** The sentence for the record: for a deadline it says both how long was waited and what for. */
function diagnosisFor(
  wait: Wait,
  reason: EndingReason,
  startDeadlineSeconds: (pipelineType: string) => number,
): Diagnosis | undefined {
  if (reason === 'permanent_failure') return wait.diagnosis;
  const waited = `the workload did not start within ${startDeadlineSeconds(wait.pipelineType)} s`;
  const { diagnosis } = wait;
  return {
    category: diagnosis?.category ?? 'deadline',
    code: 'start_deadline',
    message: diagnosis === undefined ? waited : `${waited}: ${diagnosis.message}`,
    ...(diagnosis?.hint === undefined ? {} : { hint: diagnosis.hint }),
    permanent: true,
  };
}
