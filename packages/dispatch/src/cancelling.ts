import type { PresentObservation } from '@runner/executor';
import { isLive } from '@runner/executor';
import { createBoundedSet } from './bounded-set.ts';
import type { Flights } from './flights.ts';
import type { Outbox } from './outbox.ts';
import type { DispatchObserver } from './ports.ts';
import type { Session } from './session.ts';
import type { Sightings } from './sightings.ts';
import type { EndStanding, Ended } from './standing.ts';
import type { Tasks } from './tasks.ts';

/**
 * Cancels of one session that are remembered, so that a start which they overtook finds them. The oldest are forgotten
 * beyond this; the next level states them again.
 */
export const CANCELS_REMEMBERED = 10_000;

export interface CancellingRooms {
  readonly flights: Flights;
  readonly endStanding: EndStanding;
  readonly sightings: Sightings;
  readonly outbox: Outbox;
  readonly tasks: Tasks;
  readonly observer: DispatchObserver;
}

/** Cancels: remembered for the session, told to the start in flight, or carried out on the workload that stands. */
export interface Cancelling {
  readonly size: number;
  /** The command. A start in flight carries it out itself, at its next step. */
  cancel(session: Session, runId: string, reason: string | undefined): void;
  remembers(runId: string): boolean;
  /** Ends what stands and reports what is there then. A run that is being ended already is left to it. */
  endAndReport(session: Session, runId: string, reason: string | undefined): void;
  /** Ends what stands for a start that was overtaken; the start answers. */
  end(session: Session, runId: string, reason: string | undefined): Promise<Ended>;
  /** A cancelled run was seen alive: its create arrived after all. */
  seen(session: Session, observation: PresentObservation): void;
  clear(): void;
}

export function createCancelling(rooms: CancellingRooms): Cancelling {
  const { flights, sightings, outbox, tasks, observer } = rooms;
  const remembered = createBoundedSet(CANCELS_REMEMBERED);
  const underWay = new Map<string, { readonly session: Session; readonly ended: Promise<Ended> }>();

  const end = (session: Session, runId: string, reason: string | undefined): Promise<Ended> => {
    const present = underWay.get(runId);
    if (present?.session === session) return present.ended;
    const intent = { reason: 'cancelled' as const, ...(reason === undefined ? {} : { message: reason }) };
    const ended = rooms.endStanding(runId, intent, session.signal).finally(() => {
      if (underWay.get(runId)?.ended === ended) underWay.delete(runId);
    });
    underWay.set(runId, { session, ended });
    return ended;
  };
  const endAndReport = (session: Session, runId: string, reason: string | undefined): void => {
    if (underWay.get(runId)?.session === session) return;
    const work = async (): Promise<void> => {
      const ended = await end(session, runId, reason);
      if (ended === undefined) return;
      if (ended.presence === 'present') {
        sightings.note(ended);
        sightings.deliver(session, ended);
        return;
      }
      // A start that arrived meanwhile has found the cancel and gives the answer itself.
      if (flights.get(runId) !== undefined) return;
      sightings.gone(runId);
      if (outbox.say(session, (reporter) => reporter.cancelled(runId))) observer.cancelled?.(runId);
    };
    tasks.own(work(), 'cancelling a run');
  };

  return {
    get size() {
      return remembered.size;
    },
    cancel: (session, runId, reason) => {
      remembered.add(runId);
      const flight = flights.get(runId);
      if (flight === undefined) endAndReport(session, runId, reason);
      else flights.cancel(flight, reason);
    },
    remembers: (runId) => remembered.has(runId),
    endAndReport,
    end,
    seen: (session, observation) => {
      if (!isLive(observation) || observation.phase === 'ending') return;
      if (remembered.has(observation.runId) && flights.get(observation.runId) === undefined) {
        endAndReport(session, observation.runId, undefined);
      }
    },
    clear: () => remembered.clear(),
  };
}
