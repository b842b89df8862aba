import type { Clock } from '@runner/core';
import { isRunnerError, messageOf } from '@runner/core';
import { COMMON_REASONS } from './check.ts';
import type { Check, Group, Level, Result } from './check.ts';
import { ClusterNotAsked } from './context.ts';
import type { DoctorContext } from './context.ts';

export interface Examined {
  readonly id: string;
  readonly group: Group;
  readonly seconds: number;
  readonly results: readonly Result[];
}

/** For all of them together. */
const WHOLE_MS = 60_000;
/** For a check that was told to end, to take away what it made. */
const TIDY_MS = 12_000;

/** Runs the checks side by side, each with its own deadline; gives what they found in their order. */
export async function examine(
  checks: readonly Check[],
  context: DoctorContext,
  leaving: AbortSignal,
): Promise<readonly Examined[]> {
  return await Promise.all(checks.map((check) => examined(check, context, leaving)));
}

async function examined(check: Check, context: DoctorContext, leaving: AbortSignal): Promise<Examined> {
  const { clock } = context;
  const begun = clock.monotonic();
  const results = await resultsOf(check, context, leaving);
  const seconds = Math.round(clock.monotonic() - begun) / 1_000;
  return { id: check.id, group: check.group, seconds, results };
}

async function resultsOf(check: Check, context: DoctorContext, leaving: AbortSignal): Promise<readonly Result[]> {
  const { clock } = context;
  const over = new AbortController();
  const within = Math.min(check.deadlineMs, WHOLE_MS);
  const timer = clock.setTimer(within, () => over.abort());
  const running = check
    .run(context, AbortSignal.any([leaving, over.signal]))
    .catch((error: unknown) => [leaving.aborted ? interrupted() : failure(error, over.signal.aborted, within)]);
  try {
    return await untilTidy(running, over.signal, clock, within);
  } finally {
    timer.cancel();
    over.abort();
  }
}

/** The check's own end; of one that does not heed its signal, nothing is waited for but its tidying. */
function untilTidy(
  running: Promise<readonly Result[]>,
  over: AbortSignal,
  clock: Clock,
  within: number,
): Promise<readonly Result[]> {
  return new Promise((resolve) => {
    const late = (): void => {
      const timer = clock.setTimer(TIDY_MS, () => resolve([timedOut(within)]));
      void running.finally(() => timer.cancel());
    };
    over.addEventListener('abort', late, { once: true });
    void running.then((results) => {
      over.removeEventListener('abort', late);
      resolve(results);
    });
  });
}

function failure(error: unknown, isLate: boolean, within: number): Result {
  if (error instanceof ClusterNotAsked) {
    return { level: COMMON_REASONS.cluster_not_asked.level, reason: 'cluster_not_asked', message: error.message };
  }
  if (isLate) return timedOut(within);
  const { level, fix } = COMMON_REASONS.check_failed;
  const hint = isRunnerError(error) ? error.hint : undefined;
  return { level, reason: 'check_failed', message: messageOf(error), fix: hint ?? fix };
}

const interrupted = (): Result => ({
  level: COMMON_REASONS.interrupted.level,
  reason: 'interrupted',
  message: 'Not known: doctor was told to end first.',
  fix: COMMON_REASONS.interrupted.fix,
});

const timedOut = (within: number): Result => ({
  level: COMMON_REASONS.timed_out.level,
  reason: 'timed_out',
  message: `Not known: no answer within ${within / 1_000} s.`,
  fix: COMMON_REASONS.timed_out.fix,
});

const WORST: readonly Level[] = ['fail', 'warn', 'ok', 'skipped'];

/** The worst level of some results; `skipped` when there are none. */
export const worst = (results: readonly Result[]): Level =>
  WORST.find((level) => results.some((result) => result.level === level)) ?? 'skipped';
