import { until } from '@runner/core/testing';
import type { Executor } from '../executor.ts';
import type { Observation } from '../observation.ts';
import { testRunSpec } from './run-spec.ts';

/** A watch that remembers what it was told. */
export interface Watched extends AsyncDisposable {
  readonly seen: readonly Observation[];
  /** What was told of one run, in short: `pending`, `running`, `ended succeeded`, `absent`. */
  story(runId: string): readonly string[];
  until(runId: string, chapter: string): Promise<Observation>;
}

export function watched(executor: Executor, whose = testRunSpec().owner): Watched {
  const stop = new AbortController();
  const seen: Observation[] = [];
  const watching = executor.watch(whose, (observation) => seen.push(observation), stop.signal);
  return {
    seen,
    story: (runId) => seen.filter((one) => one.runId === runId).map(chapterOf),
    until: (runId, chapter) =>
      until(`the watch tells that ${runId} is ${chapter}`, () =>
        seen.find((one) => one.runId === runId && chapterOf(one) === chapter),
      ),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await watching;
    },
  };
}

function chapterOf(seen: Observation): string {
  if (seen.presence !== 'present') return seen.presence;
  return [seen.phase, seen.outcome?.result, seen.diagnosis?.code ?? seen.outcome?.diagnosis?.code]
    .filter((part) => part !== undefined)
    .join(' ');
}
