import type { Logger } from '@runner/core';
import type { Acknowledgements } from './acknowledgements.ts';
import type { Cancelling } from './cancelling.ts';
import type { DueEnding } from './endings.ts';
import type { Outbox } from './outbox.ts';
import type { DispatchObserver } from './ports.ts';
import type { Session } from './session.ts';
import type { Sightings } from './sightings.ts';
import type { EndStanding } from './standing.ts';

export interface DueRooms {
  readonly outbox: Outbox;
  readonly observer: DispatchObserver;
  readonly acknowledgements: Acknowledgements;
  readonly endStanding: EndStanding;
  readonly sightings: Sightings;
  readonly cancelling: Cancelling;
  readonly logger: Logger;
  /** How long the announcement waits for its acknowledgement, in milliseconds. */
  readonly ackMs: number;
}

/**
 * Ends a run that does not start: says so, waits until the control plane has stored the reason (some executors cannot
 * write it on the workload), then stops it in place. A workload that began meanwhile is left alone. False: not now.
 */
export async function endDue(session: Session | undefined, due: DueEnding, rooms: DueRooms): Promise<boolean> {
  const { runId, reason, diagnosis } = due;
  if (session === undefined) return false;
  // The user's cancel was first, and it is being carried out.
  if (rooms.cancelling.remembers(runId)) return true;
  const acknowledged = rooms.acknowledgements.wait(runId, rooms.ackMs, session.signal);
  rooms.outbox.say(session, (reporter) => reporter.ending(runId, reason, diagnosis));
  const how = await acknowledged;
  if (how === 'aborted') return false;
  if (how === 'timeout') rooms.logger.warn('the announced end was not acknowledged; going ahead', { runId, reason });
  if (!due.stillPending()) return true;

  rooms.observer.ending?.(reason);
  rooms.logger.info('a run that does not start is ended', { runId, reason, diagnosis: diagnosis?.code });
  const intent = { reason, ...(diagnosis === undefined ? {} : { message: diagnosis.message, diagnosis }) };
  const ended = await rooms.endStanding(runId, intent, session.signal);
  if (ended === undefined) return false;
  if (ended.presence === 'present') {
    rooms.sightings.note(ended);
    rooms.sightings.deliver(session, ended);
  }
  return true;
}
