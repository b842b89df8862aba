import { stat } from 'node:fs/promises';
import type { Clock, Logger } from '@runner/core';
import type { WorkloadOwner } from '@runner/executor';
import { isEnded } from '@runner/executor';
import { isOwn } from './lister.ts';
import type { RunObserver } from './observer.ts';
import type { Place } from './place.ts';
import { readClaim } from './run-folder.ts';

/** A folder without a claim belongs to a submit that is going on, or to nobody. */
const UNCLAIMED_MS = 3_600_000;

export interface SweepOptions {
  readonly place: Place;
  readonly observer: RunObserver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ttlMs: number;
}

/**
 * Removes records of this owner's runs that ended longer ago than the time to live, folders that nobody ever claimed,
 * and what earlier removals left behind. Nothing that lives is touched. Returns how many folders went.
 */
export async function sweep(owner: WorkloadOwner, options: SweepOptions, signal: AbortSignal): Promise<number> {
  const { place, logger } = options;
  let removed = 0;
  for (const runId of await place.runIds()) {
    if (signal.aborted) break;
    try {
      if (!(await isOver(runId, owner, options))) continue;
      await place.remove(runId);
      removed += 1;
    } catch (error) {
      logger.warn('the record of a run could not be removed', { runId, error });
    }
  }
  if (!signal.aborted) await place.emptyTrash();
  return removed;
}

async function isOver(runId: string, owner: WorkloadOwner, options: SweepOptions): Promise<boolean> {
  const { place, observer, clock, ttlMs } = options;
  const folder = place.folderOf(runId);
  const claim = await readClaim(folder);
  if (claim === undefined) return clock.now() - (await stat(folder)).mtimeMs > UNCLAIMED_MS;
  if (!isOwn(claim.run.owner, owner)) return false;
  const seen = await observer.look(claim);
  return isEnded(seen) && clock.now() - (seen.endedAt ?? Infinity) > ttlMs;
}
