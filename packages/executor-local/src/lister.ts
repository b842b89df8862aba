import type { Logger } from '@runner/core';
import { messageOf } from '@runner/core';
import type { Observation, PresentObservation, WorkloadOwner } from '@runner/executor';
import { isEnded } from '@runner/executor';
import type { RunObserver } from './observer.ts';
import type { Place } from './place.ts';
import type { ClaimRecord } from './records.ts';
import { readClaim } from './run-folder.ts';

/** Folders looked at at the same time. */
const PARALLEL = 16;
/** Characters of log tails in one list; the newest failures have theirs, older ones can be observed. */
const TAILS = 8 * 1_048_576;

/** Lists the runs of a folder. Ended runs never change, so they are read once and remembered without their logs. */
export interface Lister {
  /** @param wantsTail for which failures the end of the log is read; default all */
  list(owner: WorkloadOwner, wantsTail?: (observation: Observation) => boolean): Promise<readonly Observation[]>;
  /** The run's record is gone. */
  forget(runId: string): void;
}

interface Known {
  readonly owner: WorkloadOwner;
  readonly observation: Observation;
}

export function lister(place: Place, observer: RunObserver, logger: Logger): Lister {
  const endedRuns = new Map<string, Known>();
  const damaged = new Set<string>();

  /** A claim that is damaged names no owner, so the run is in nobody's list; observing it says `unknown`, not `absent`. */
  const claimOf = async (runId: string): Promise<ClaimRecord | undefined> => {
    try {
      return await readClaim(place.folderOf(runId));
    } catch (error) {
      if (!damaged.has(runId)) logger.warn('the claim of a run cannot be read', { runId, error: messageOf(error) });
      damaged.add(runId);
      return undefined;
    }
  };

  const known = async (runId: string): Promise<Known | undefined> => {
    const remembered = endedRuns.get(runId);
    if (remembered !== undefined) return remembered;
    const claim = await claimOf(runId);
    if (claim === undefined) return undefined;
    const observation = await observer.look(claim);
    const found = { owner: claim.run.owner, observation };
    if (isEnded(observation)) endedRuns.set(runId, found);
    return found;
  };

  return {
    forget: (runId) => void endedRuns.delete(runId.toLowerCase()),
    list: async (owner, wantsTail = () => true) => {
      const runIds = await place.runIds();
      const present = new Set(runIds);
      for (const runId of endedRuns.keys()) if (!present.has(runId)) endedRuns.delete(runId);
      const found = await mapParallel(runIds, known);
      await place.assertSame();
      const own = found.filter((run) => run !== undefined).filter((run) => isOwn(run.owner, owner));
      const observations = own.map(({ observation }) => observation);
      return await withTails(observations, wantsTail, observer);
    },
  };
}

function isFailed(observation: Observation): observation is PresentObservation {
  return observation.presence === 'present' && observation.outcome?.result === 'failed';
}

async function withTails(
  observations: readonly Observation[],
  wantsTail: (observation: Observation) => boolean,
  observer: RunObserver,
): Promise<readonly Observation[]> {
  const result = new Map(observations.map((observation) => [observation.runId, observation]));
  const failed = observations.filter(isFailed).filter(wantsTail);
  let room = TAILS;
  for (const observation of failed.toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))) {
    if (room <= 0) break;
    const whole = await observer.withTail(observation);
    room -= whole.outcome?.logTail?.length ?? 0;
    result.set(whole.runId, whole);
  }
  return [...result.values()];
}

async function mapParallel<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await each(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return results;
}

export function isOwn(one: WorkloadOwner, other: WorkloadOwner): boolean {
  return one.controlPlaneId === other.controlPlaneId && one.agentId === other.agentId;
}
