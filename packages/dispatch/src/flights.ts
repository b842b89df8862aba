import type { PresentObservation, RunSpec } from '@runner/executor';
import type { Problem, RunConnection } from './ports.ts';
import type { Session } from './session.ts';

/** A start on its way from the frame to its answer. Holds the spec, hence the config, only that long. */
export interface Flight {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly connection: RunConnection | undefined;
  readonly session: Session;
  /** Monotonic milliseconds. */
  readonly receivedAt: number;
  /** Start frames that want an answer: the first and those that joined. */
  frames: number;
  /** What it waits for; the last one said. */
  problem: Problem | undefined;
  /** The newest sighting while the answer was pending; the answer carries it. */
  latest: PresentObservation | undefined;
  /** A submit is under way: it may finish, whatever happens to the flight. */
  submitting: boolean;
  /** Set when a cancel won. */
  cancel: { readonly reason: string | undefined } | undefined;
  /** Aborted when the flight shall go no further: session lost, draining, closing. */
  readonly abandoned: AbortSignal;
  /** Aborted when waiting makes no sense any more: abandoned or cancelled. A submit under way is not disturbed by a cancel. */
  readonly roused: AbortSignal;
}

/**
 * Dedupe: at most one flight per run. A repeated start joins the flight; a start in a new session takes the place of
 * the flight that the old session left.
 */
export interface Flights {
  readonly size: number;
  /** The flight of this run, and whether it was there already. */
  board(command: Pick<Flight, 'spec' | 'connection' | 'session' | 'receivedAt'>): { flight: Flight; joined: boolean };
  get(runId: string): Flight | undefined;
  all(): Iterable<Flight>;
  cancel(flight: Flight, reason: string | undefined): void;
  abandon(flight: Flight, reason: string): void;
  /** The flight is answered or given up. False when it was not the present flight of its run any more. */
  land(flight: Flight): boolean;
}

interface Controls {
  readonly abandon: AbortController;
  readonly rouse: AbortController;
}

export function createFlights(): Flights {
  const flights = new Map<string, Flight>();
  const controls = new WeakMap<Flight, Controls>();
  const abandon = (flight: Flight, reason: string): void => {
    controls.get(flight)?.abandon.abort(reason);
    controls.get(flight)?.rouse.abort(reason);
  };
  return {
    get size() {
      return flights.size;
    },
    board: (command) => {
      const { runId } = command.spec;
      const present = flights.get(runId);
      if (present !== undefined && !present.abandoned.aborted && present.session === command.session) {
        present.frames += 1;
        return { flight: present, joined: true };
      }
      const own: Controls = { abandon: new AbortController(), rouse: new AbortController() };
      const flight: Flight = {
        ...command,
        runId,
        frames: 1,
        problem: undefined,
        latest: undefined,
        submitting: false,
        cancel: undefined,
        abandoned: own.abandon.signal,
        roused: own.rouse.signal,
      };
      controls.set(flight, own);
      flights.set(runId, flight);
      return { flight, joined: false };
    },
    get: (runId) => flights.get(runId),
    all: () => [...flights.values()],
    cancel: (flight, reason) => {
      flight.cancel ??= { reason };
      controls.get(flight)?.rouse.abort('cancelled');
    },
    abandon,
    land: (flight) => flights.get(flight.runId) === flight && flights.delete(flight.runId),
  };
}
