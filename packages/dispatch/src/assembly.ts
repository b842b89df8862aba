import type { BackoffOptions } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { Observation } from '@runner/executor';
import { createAcknowledgements } from './acknowledgements.ts';
import { createBoard } from './board.ts';
import { createBoundedSet } from './bounded-set.ts';
import { createCancelling } from './cancelling.ts';
import { endDue } from './due.ts';
import { createEndings } from './endings.ts';
import { createExecutorCalls } from './executor-calls.ts';
import { createFaultPoints } from './fault-points.ts';
import { createFlights } from './flights.ts';
import { createLimiter } from './limiter.ts';
import { createOutbox } from './outbox.ts';
import type { DispatchObserver, DispatcherOptions, Policy } from './ports.ts';
import type { Session } from './session.ts';
import { createSightings } from './sightings.ts';
import { createStages } from './stages.ts';
import { createEndStanding } from './standing.ts';
import { createStarting } from './starting.ts';
import { createTasks } from './tasks.ts';
import { createWatching } from './watching.ts';

/** Runs whose outcome is stored, remembered so that a re-list does not report them again. Beyond it the oldest are reported once more. */
export const RECORDED_REMEMBERED = 50_000;

const ALLOW_ALL: Policy = { check: () => ({ verdict: 'allow' }) };
const RETRY: BackoffOptions = { floorMs: 1_000, capMs: 30_000 };

/** What changes in the life of a dispatcher; everything else is rooms that know their own. */
export interface State {
  /** Set exactly while this instance is the active one. */
  session: Session | undefined;
  draining: boolean;
  closed: boolean;
}

/** Makes every room and tells it whom it knows: observation side first, then the way of commands. */
export function assemble(options: DispatcherOptions) {
  const { clock, random, executor } = options;
  const state: State = { session: undefined, draining: false, closed: false };
  const logger = (options.logger ?? silentLogger).child({ component: 'dispatch' });
  const observer: DispatchObserver = options.observer ?? {};
  const retry = options.retry ?? RETRY;
  const tasks = createTasks((what, error) => {
    observer.impossible?.('task_failed');
    logger.error('a task failed that must not; the next level repairs what it left undone', { what, error });
  });
  const base = {
    clock,
    random,
    retry,
    logger,
    observer,
    tasks,
    at: createFaultPoints(options.faultPoint, { logger, observer }),
  };

  const outbox = createOutbox(options.reporter, base);
  const calls = createExecutorCalls(executor, { clock, timeoutMs: options.callTimeoutMs ?? 60_000, observer });
  const board = createBoard();
  const recorded = createBoundedSet(RECORDED_REMEMBERED);
  const stages = createStages(clock, observer);
  const flights = createFlights();
  const limiter = createLimiter(options.limits, {
    onChange: () => outbox.say(state.session, (reporter) => reporter.slotsChanged()),
    onUnderflow: () => observer.impossible?.('slot_underflow'),
  });
  const endStanding = createEndStanding({ ...base, calls });
  const expected = new Set<string>();
  const endings = createEndings({
    ...options,
    tasks,
    isStarting: (runId) => flights.get(runId) !== undefined || expected.has(runId),
    onDue: (due) => endDue(state.draining ? undefined : state.session, due, dueRooms),
  });
  const sightings = createSightings({ ...base, board, limiter, endings, stages, recorded, outbox });
  const cancelling = createCancelling({ ...base, flights, endStanding, sightings, outbox });
  const acknowledgements = createAcknowledgements(clock);
  const ackMs = options.endingAckMs ?? 30_000;
  const dueRooms = { ...base, outbox, acknowledgements, endStanding, sightings, cancelling, ackMs };
  const policy = options.policy ?? ALLOW_ALL;
  const shared = {
    ...base,
    board,
    limiter,
    calls,
    flights,
    cancelling,
    sightings,
    stages,
    outbox,
    recorded,
    endings,
    expected,
  };
  const starting = createStarting({ ...shared, policy, draining: () => state.draining });

  const onObservation = (seen: Observation): void => {
    if (seen.presence === 'absent') sightings.gone(seen.runId);
    if (seen.presence !== 'present') return;
    const news = sightings.note(seen);
    if (state.session !== undefined) cancelling.seen(state.session, seen);
    if (news && !starting.carry(seen)) sightings.deliver(state.session, seen);
  };
  const watching = createWatching({ ...base, executor, onObservation });
  const timeoutMs = options.levelTimeoutMs ?? 45_000;
  return { ...shared, state, acknowledgements, starting, watching, timeoutMs };
}

export type Assembly = ReturnType<typeof assemble>;
