import type { Logger } from '@runner/core';
import { isEnded, isLive } from '@runner/executor';
import type { Observation, PresentObservation } from '@runner/executor';
import type { Board } from './board.ts';
import type { BoundedSet } from './bounded-set.ts';
import type { Endings } from './endings.ts';
import type { FaultPoints } from './fault-points.ts';
import type { Limiter } from './limiter.ts';
import type { Outbox } from './outbox.ts';
import type { Session } from './session.ts';
import type { Stages } from './stages.ts';
import type { Tasks } from './tasks.ts';

export interface SightingRooms {
  readonly board: Board;
  readonly limiter: Limiter;
  readonly endings: Endings;
  readonly stages: Stages;
  readonly recorded: BoundedSet;
  readonly outbox: Outbox;
  readonly tasks: Tasks;
  readonly at: FaultPoints;
  readonly logger: Logger;
}

/**
 * The second flow: what an executor sees → board → limiter → start deadlines → stopwatch → reporter.
 * Everything that is seen, by whichever way, goes through `note`; whether it is also said is the caller's business.
 */
export interface Sightings {
  /** Takes what was seen into account. True when it is news: it differs from what was seen before in more than its time. */
  note(observation: PresentObservation): boolean;
  /** Says it, while the session lasts. Outcomes that are known to be recorded are not said again. */
  deliver(session: Session | undefined, observation: Observation): void;
  /** The workload is not there any more (proved, or removed by us): it holds no slot and no memory. */
  gone(runId: string): void;
  /** The outcome is stored at the other end: nothing of an ended run needs to be kept but that. */
  recorded(runId: string): void;
  /** Another control plane: what was seen for the former is not ours to count. */
  clear(): void;
}

export function createSightings(rooms: SightingRooms): Sightings {
  const { board, limiter, endings, stages, recorded, outbox, tasks, at } = rooms;

  const gone = (runId: string): void => {
    const sight = board.forget(runId);
    limiter.see(runId, sight?.pipelineType ?? '', false);
    endings.forget(runId);
    stages.forget(runId);
  };
  const deliverEnd = async (session: Session | undefined, observation: Observation): Promise<void> => {
    await at('observed_end', observation.runId);
    await at('before_report_end', observation.runId);
    if (!outbox.say(session, (reporter) => reporter.observed(observation))) return;
    stages.reported(observation.runId);
    await at('after_report_end', observation.runId);
  };

  return {
    note: (observation) => {
      const { runId, pipelineType } = observation;
      if (recorded.has(runId)) {
        if (observation.phase === 'ended') return false;
        // Closed at the other end before anybody saw it here, and alive: its end is owed after all.
        recorded.delete(runId);
      }
      const sighting = board.see(observation);
      if (sighting.stale) {
        rooms.logger.debug('an old reading of an ended workload was ignored', { runId, phase: observation.phase });
        return false;
      }
      limiter.see(runId, pipelineType, isLive(observation));
      endings.see(observation);
      stages.seen(sighting, observation);
      if (sighting.waitsFor !== undefined) logWait(rooms.logger, observation);
      if (isEnded(observation) && sighting.before !== undefined && sighting.before.phase !== 'ended') {
        rooms.logger.info('a run is over', { runId, result: observation.outcome.result });
      }
      return sighting.changed;
    },
    deliver: (session, observation) => {
      if (observation.presence === 'present' && observation.phase === 'ended') {
        if (recorded.has(observation.runId)) return;
        tasks.own(deliverEnd(session, observation), 'reporting an outcome');
        return;
      }
      outbox.say(session, (reporter) => reporter.observed(observation));
    },
    gone,
    recorded: (runId) => {
      const sight = board.get(runId);
      // Recorded while it lives (a cancel that was recorded early, a restored store): it still counts and is still watched.
      if (sight !== undefined && sight.phase !== 'ended') return;
      recorded.add(runId);
      gone(runId);
    },
    clear: () => {
      for (const { runId } of board.clear()) {
        limiter.see(runId, '', false);
        endings.forget(runId);
      }
      stages.clear();
      recorded.clear();
    },
  };
}

/** Once for each reason to wait: message and hint change with every node that comes and goes. */
function logWait(logger: Logger, { runId, pipelineType, diagnosis }: PresentObservation): void {
  if (diagnosis === undefined) return;
  const { code, message, hint, permanent } = diagnosis;
  logger.info('a run waits', { runId, pipelineType, diagnosis: code, reason: message, hint, permanent });
}
