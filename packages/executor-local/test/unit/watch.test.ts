import { silentLogger } from '@runner/core';
import type { Logger } from '@runner/core';
import { recordingLogger, testClock } from '@runner/core/testing';
import type { Observation, PresentObservation } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import type { WatchOptions } from '../../src/watch.ts';
import { watchRuns } from '../../src/watch.ts';

const { owner } = testRunSpec();

const present = (runId: string, phase: PresentObservation['phase']): PresentObservation => ({
  presence: 'present',
  runId,
  observedAt: 1,
  workload: { kind: 'process', name: runId, uid: runId },
  phase,
  pipelineType: 'metadata',
  ...(phase === 'ended' ? { outcome: { result: 'succeeded' } } : {}),
});

/** A watch over a map of runs, and everything it told. */
function watchOver(changes: Partial<WatchOptions> = {}, logger: Logger = silentLogger) {
  const clock = testClock();
  const runs = new Map<string, PresentObservation>();
  const seen: Observation[] = [];
  const stop = new AbortController();
  const looks: string[] = [];
  let touch: ((runId: string) => void) | undefined;
  const watching = watchRuns(
    owner,
    (observation) => seen.push(observation),
    {
      clock,
      logger,
      relistMs: 1_000,
      list: () => Promise.resolve([...runs.values()]),
      observe: (runId) => {
        looks.push(runId);
        return Promise.resolve(runs.get(runId) ?? { presence: 'absent', runId, observedAt: 1 });
      },
      bellOf: () => Promise.resolve(undefined),
      onTouched: (listener) => {
        touch = (runId) => listener(runId, owner);
        return () => undefined;
      },
      ...changes,
    },
    stop.signal,
  );
  return { clock, runs, seen, looks, touch: (runId: string) => touch?.(runId), stop, watching };
}

describe('a watch of local runs', () => {
  it('tells each change once, and each run that is gone once', async () => {
    const { clock, runs, seen, stop, watching } = watchOver();
    runs.set('a', present('a', 'running'));
    await clock.advance(3_000);
    runs.set('a', present('a', 'ended'));
    await clock.advance(3_000);
    runs.delete('a');
    await clock.advance(3_000);
    expect(seen.map((o) => (o.presence === 'present' ? o.phase : o.presence))).toEqual(['running', 'ended', 'absent']);
    stop.abort();
    await watching;
    expect(clock.pendingTimers).toBe(0);
  });

  it('looks at once at what this process did, without waiting for the next list', async () => {
    const { clock, runs, seen, touch, stop, watching } = watchOver();
    await clock.settle();
    runs.set('a', present('a', 'pending'));
    touch('a');
    await clock.settle();
    expect(seen).toHaveLength(1);
    stop.abort();
    await watching;
  });

  it('does not spin when a living run has no socket that answers', async () => {
    const folder = '/no/such/folder';
    const { clock, runs, looks, stop, watching } = watchOver({
      bellOf: () => Promise.resolve({ folder, socket: 's.gone' }),
    });
    runs.set('a', present('a', 'running'));
    await clock.settle();
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(looks.length).toBeLessThanOrEqual(3);
    stop.abort();
    await watching;
  });

  it('goes on after an outage and says it once', async () => {
    const logger = recordingLogger();
    const state = { isAway: true };
    const { clock, runs, seen, stop, watching } = watchOver(
      {
        list: () => (state.isAway ? Promise.reject(new Error('away')) : Promise.resolve([...runs.values()])),
      },
      logger,
    );
    runs.set('a', present('a', 'running'));
    await clock.advance(5_000);
    expect(logger.records).toHaveLength(1);
    expect(seen).toEqual([]);
    state.isAway = false;
    await clock.advance(1_000);
    expect(seen).toHaveLength(1);
    stop.abort();
    await watching;
  });
});
