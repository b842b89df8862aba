import type { Clock } from '@runner/core';
import type { PresentObservation } from '@runner/executor';
import type { Sighting } from './board.ts';
import type { DispatchObserver } from './ports.ts';

interface Times {
  readonly pipelineType: string;
  acceptedAt?: number;
  startedAt?: number;
  endSeenAt?: number;
}

/**
 * Stopwatch of a run: received → accepted → started → finished → reported, for metrics only. Durations are measured
 * with this process's monotonic clock, so they are known for what this process saw and silent about the rest.
 */
export interface Stages {
  accepted(runId: string, pipelineType: string, receivedAt: number, created: boolean): void;
  seen(sighting: Sighting, observation: PresentObservation): void;
  /** The outcome was handed on, by a delta, an answer or a level. */
  reported(runId: string): void;
  forget(runId: string): void;
  clear(): void;
}

export function createStages(clock: Clock, observer: DispatchObserver): Stages {
  const runs = new Map<string, Times>();
  const since = (then: number): number => Math.max(0, clock.monotonic() - then) / 1000;

  const started = (runId: string, times: Times): void => {
    if (times.startedAt !== undefined) return;
    times.startedAt = clock.monotonic();
    if (times.acceptedAt === undefined) return;
    observer.started?.({ runId, pipelineType: times.pipelineType, seconds: since(times.acceptedAt) });
  };
  const finished = (times: Times, observation: PresentObservation): void => {
    if (times.endSeenAt !== undefined || observation.outcome === undefined) return;
    times.endSeenAt = clock.monotonic();
    const { runId, pipelineType, startedAt, endedAt, outcome } = observation;
    const ran = startedAt === undefined || endedAt === undefined ? undefined : Math.max(0, endedAt - startedAt) / 1000;
    observer.finished?.({
      runId,
      pipelineType,
      result: outcome.result,
      ...(ran === undefined ? {} : { seconds: ran }),
      ...(outcome.diagnosis === undefined ? {} : { diagnosis: outcome.diagnosis.code }),
    });
  };

  return {
    accepted: (runId, pipelineType, receivedAt, created) => {
      observer.accepted?.({ runId, pipelineType, seconds: since(receivedAt), created });
      const times: Times = runs.get(runId) ?? { pipelineType };
      times.acceptedAt = clock.monotonic();
      runs.set(runId, times);
    },
    seen: (sighting, observation) => {
      const { runId, pipelineType, phase } = observation;
      // A tombstone that was over before we looked did not finish under our eyes.
      if (sighting.stale || (phase === 'ended' && sighting.before === undefined && !runs.has(runId))) return;
      const times: Times = runs.get(runId) ?? { pipelineType };
      runs.set(runId, times);
      if (phase === 'running' || observation.startedAt !== undefined) started(runId, times);
      if (phase === 'ended') finished(times, observation);
    },
    reported: (runId) => {
      const times = runs.get(runId);
      if (times?.endSeenAt === undefined) return;
      observer.reported?.({ runId, pipelineType: times.pipelineType, seconds: since(times.endSeenAt) });
      runs.delete(runId);
    },
    forget: (runId) => {
      runs.delete(runId);
    },
    clear: () => runs.clear(),
  };
}
