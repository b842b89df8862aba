import { latestSlot } from './cron.ts';
import type { PipelineSchedule } from './pipeline-schedule.ts';

/** A slot that nobody fired for this long is passed over: a restart shall not lose a night, nor repeat a week. */
export const SLOT_GRACE_MS = 10 * 60_000;

export type Due = { readonly kind: 'fire' | 'missed'; readonly slot: number };

/**
 * What a schedule asks for now. Slots up to `since` are done with; of those after it only the newest counts.
 * @param since epoch milliseconds: the last slot that was dealt with, or when the schedule came into force
 */
export function dueSlot(schedule: PipelineSchedule, since: number, now: number): Due | undefined {
  const slot = latestSlot(schedule, since, now);
  if (slot === undefined) return undefined;
  return { kind: schedule.catchup || now - slot <= SLOT_GRACE_MS ? 'fire' : 'missed', slot };
}
