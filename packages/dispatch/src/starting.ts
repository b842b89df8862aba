import type { Observation, PresentObservation, RunSpec } from '@runner/executor';
import { isEnded } from '@runner/executor';
import { furtherOf } from './board.ts';
import type { Cancelling } from './cancelling.ts';
import { dispatchError, problemOf } from './errors.ts';
import type { Endings } from './endings.ts';
import type { Flight, Flights } from './flights.ts';
import type { Answer, FlowRooms } from './flow.ts';
import { walk } from './flow.ts';
import type { Outbox } from './outbox.ts';
import type { DispatchObserver, Problem, RunConnection } from './ports.ts';
import type { Session } from './session.ts';
import type { Sightings } from './sightings.ts';
import type { Stages } from './stages.ts';
import type { Tasks } from './tasks.ts';

export interface StartingRooms extends Omit<FlowRooms, 'wait' | 'end'> {
  readonly flights: Flights;
  readonly cancelling: Cancelling;
  readonly sightings: Sightings;
  readonly stages: Stages;
  readonly endings: Endings;
  readonly expected: Set<string>;
  readonly outbox: Outbox;
  readonly tasks: Tasks;
  readonly observer: DispatchObserver;
}

/** Both ends of a start's way: the frame that comes in and the one answer that goes out. */
export interface Starting {
  start(session: Session, spec: RunSpec, connection: RunConnection | undefined): void;
  /** A sighting of a run in flight: kept for its answer. False when no flight is there to carry it. */
  carry(observation: PresentObservation): boolean;
  /** Gives up every flight; those whose submit is under way are left to it when `sparing` is true. */
  abandonAll(reason: string, sparing: boolean): void;
}

export function createStarting(rooms: StartingRooms): Starting {
  const { flights, limiter, cancelling, sightings, stages, endings, expected, outbox, observer, clock } = rooms;

  const wait = (flight: Flight, problem: Problem): void => {
    const repeated = flight.problem?.code === problem.code;
    flight.problem = problem;
    if (repeated) return;
    observer.waiting?.(problem.code);
    rooms.logger.info('a run has to wait', { runId: flight.runId, ...problem });
    outbox.say(flight.session, (reporter) => reporter.waiting(flight.runId, problem));
  };
  const land = (flight: Flight): void => {
    if (!flights.land(flight)) return;
    limiter.release(flight.runId);
    endings.startChanged(flight.runId);
  };

  const accept = async (flight: Flight, answer: Answer & { kind: 'accepted' }): Promise<void> => {
    const { runId, session, spec } = flight;
    await rooms.at('before_accepted', runId);
    // The watch may have seen more by now than the submit did. Counted before the flight lands, so that its slot is never free in between.
    const observation = furtherOf(answer.observation, flight.latest);
    if (observation.presence === 'present') sightings.note(observation);
    expected.delete(runId);
    land(flight);
    const said = outbox.say(session, (reporter) => {
      for (let frame = 0; frame < flight.frames; frame += 1) {
        reporter.accepted(runId, answer.created && frame === 0, observation);
      }
    });
    rooms.logger.info('a run has its workload', { runId, created: answer.created, name: workloadName(observation) });
    if (said) stages.accepted(runId, spec.pipelineType, flight.receivedAt, answer.created);
    if (said && isEnded(observation)) stages.reported(runId);
    await rooms.at('after_accepted', runId);
    if (flight.cancel !== undefined) cancelling.endAndReport(session, runId, flight.cancel.reason);
  };

  const conclude = async (flight: Flight, answer: Answer): Promise<void> => {
    const { runId, session, frames } = flight;
    if (answer.kind === 'accepted') {
      await accept(flight, answer);
      return;
    }
    if (answer.kind === 'ended' && answer.observation.presence === 'present') sightings.note(answer.observation);
    land(flight);
    if (answer.kind === 'refused') {
      observer.refused?.(answer.problem.code, runId);
      rooms.logger.warn('a run is refused', { runId, ...answer.problem });
      for (let frame = 0; frame < frames; frame += 1) {
        outbox.say(session, (reporter) => reporter.refused(runId, answer.problem));
      }
    }
    if (answer.kind === 'cancelled') {
      sightings.gone(runId);
      observer.cancelled?.(runId);
      for (let frame = 0; frame < frames; frame += 1) outbox.say(session, (reporter) => reporter.cancelled(runId));
      return;
    }
    const last = answer.kind === 'ended' ? answer.observation : flight.latest;
    if (last !== undefined) sightings.deliver(session, last);
  };

  const flow: FlowRooms = {
    ...rooms,
    wait,
    end: (flight) => cancelling.end(flight.session, flight.runId, flight.cancel?.reason),
  };
  const fly = async (flight: Flight): Promise<void> => {
    try {
      await conclude(flight, await walk(flight, flow));
    } finally {
      land(flight);
    }
  };

  return {
    start: (session, spec, connection) => {
      const { runId, pipelineType } = spec;
      const { flight, joined } = flights.board({ spec, connection, session, receivedAt: clock.monotonic() });
      observer.received?.({ runId, pipelineType, joined });
      if (joined) {
        const { problem } = flight;
        if (problem !== undefined) outbox.say(session, (reporter) => reporter.waiting(runId, problem));
        return;
      }
      endings.startChanged(runId);
      limiter.announce(runId, pipelineType);
      if (cancelling.remembers(runId)) flights.cancel(flight, undefined);
      rooms.tasks.own(fly(flight), 'starting a run');
    },
    carry: (observation) => {
      const flight = flights.get(observation.runId);
      if (flight === undefined) return false;
      flight.latest = observation;
      return true;
    },
    abandonAll: (reason, sparing) => {
      const draining = problemOf(
        dispatchError('draining', 'this agent is stopping; the run is started by its successor'),
      );
      for (const flight of flights.all()) {
        if (sparing && flight.submitting) continue;
        if (sparing) wait(flight, draining);
        flights.abandon(flight, reason);
        land(flight);
      }
    },
  };
}

function workloadName(observation: Observation): string | undefined {
  return observation.presence === 'present' ? observation.workload.name : undefined;
}
