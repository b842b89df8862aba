import { isRunnerError } from '@runner/core';
import type { Assembly } from './assembly.ts';
import { assemble } from './assembly.ts';
import { dispatchError, problemOf } from './errors.ts';
import { readLevel } from './level.ts';
import type {
  Activation,
  DispatchSnapshot,
  Dispatcher,
  DispatcherOptions,
  Limits,
  RunConnection,
  Slots,
} from './ports.ts';
import { createSession } from './session.ts';
import type { RunSpec } from '@runner/executor';

/**
 * Makes a dispatcher. It does nothing until the first session (`activate` or `standby`) tells it whose workloads are
 * meant. Throws `invalid_options` for limits that make no sense.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  checkLimits(options.limits);
  const rooms = assemble(options);
  const { state, starting, cancelling, sightings, watching, acknowledgements, tasks } = rooms;
  let closed: Promise<void> | undefined;

  const follow = (controlPlaneId: string): void => {
    watching.follow({ controlPlaneId, agentId: options.agentId }, () => sightings.clear());
  };
  const close = (): Promise<void> => (closed ??= shutDown(rooms));

  return {
    activate: (activation) => {
      if (state.closed || isPresent(rooms, activation)) return;
      leave(rooms, 'a new session began');
      follow(activation.controlPlaneId);
      rooms.recorded.clear();
      state.session = createSession(activation, options.agentId);
      // What was advertised when the connection began was counted for another control plane, or long before the promotion.
      rooms.outbox.say(state.session, (reporter) => reporter.slotsChanged());
      rooms.logger.info('this instance is active', { epoch: activation.epoch });
      rooms.endings.resume();
    },
    standby: ({ controlPlaneId }, reason) => {
      leave(rooms, reason);
      if (!state.closed) follow(controlPlaneId);
    },
    deactivate: (reason) => leave(rooms, reason),

    start: (spec, connection) => start(rooms, spec, connection),
    cancel: (runId, reason) => {
      if (state.session !== undefined) cancelling.cancel(state.session, runId, reason);
    },
    level: async (runs) => {
      if (state.session !== undefined) return await readLevel(state.session, runs, rooms);
      const nothing = { presence: 'unknown', observedAt: options.clock.now(), reason: 'not active' } as const;
      return runs.map(({ runId }) => ({ ...nothing, runId }));
    },
    endingAcknowledged: (runId) => acknowledgements.acknowledge(runId),
    recorded: (runIds) => {
      for (const runId of runIds) {
        const sight = rooms.board.get(runId);
        sightings.recorded(runId);
        if (sight?.phase === 'ended' && sight.lingers) tasks.own(tidy(rooms, runId), 'discarding a record');
      }
    },
    discard: (runId) => tasks.own(discard(rooms, runId), 'discarding a record'),

    slots: () => slotsNow(rooms),
    snapshot: () => snapshot(rooms),
    drain: async (signal) => {
      state.draining = true;
      starting.abandonAll('draining', true);
      rooms.outbox.say(state.session, (reporter) => reporter.slotsChanged());
      await tasks.settled(signal);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkLimits(limits: Limits): void {
  for (const [name, cap] of [['total', limits.total] as const, ...Object.entries(limits.types ?? {})]) {
    if (Number.isSafeInteger(cap) && cap >= 0) continue;
    throw dispatchError('invalid_options', `the limit of runs "${name}" is not a whole number`, {
      hint: 'Give a number of runs, 0 or more.',
    });
  }
}

function isPresent({ state }: Assembly, activation: Activation): boolean {
  const { session } = state;
  return session?.epoch === activation.epoch && session.owner.controlPlaneId === activation.controlPlaneId;
}

/** Creation stops here: everything that was not yet at the executor is dropped, what is there answers nobody. */
function leave({ state, starting, cancelling, logger }: Assembly, reason: string): void {
  const { session } = state;
  if (session === undefined) return;
  state.session = undefined;
  session.end(reason);
  starting.abandonAll(reason, false);
  cancelling.clear();
  logger.info('this instance is not active any more', { epoch: session.epoch, reason });
}

function start(rooms: Assembly, spec: RunSpec, connection: RunConnection | undefined): void {
  const { state, outbox, observer, logger } = rooms;
  if (state.session === undefined) {
    observer.impossible?.('start_while_inactive');
    logger.error('a start reached an instance that is not active; nothing is created', { runId: spec.runId });
    return;
  }
  if (state.draining) {
    const problem = problemOf(dispatchError('draining', 'this agent is stopping; its successor starts the run'));
    outbox.say(state.session, (reporter) => reporter.waiting(spec.runId, problem));
    return;
  }
  rooms.starting.start(state.session, spec, connection);
}

/** Discards what would stay for ever. Where that fails, the next report shows it again, and it is recorded again. */
async function tidy(rooms: Assembly, runId: string): Promise<void> {
  if (!(await discard(rooms, runId))) rooms.recorded.delete(runId);
}

/** Whether the record is gone. */
async function discard({ state, calls, sightings, logger }: Assembly, runId: string): Promise<boolean> {
  if (state.session === undefined) return false;
  try {
    await calls.discard(runId, state.session.signal);
    sightings.gone(runId);
    return true;
  } catch (error) {
    // The executor refuses while the workload lives; anything else is asked again by the control plane.
    if (isRunnerError(error, 'still_live')) logger.info('a live workload is not discarded', { runId });
    else if (!isRunnerError(error, 'aborted')) logger.warn('a record could not be discarded', { runId, error });
    return false;
  }
}

function slotsNow({ state, limiter }: Assembly): Slots {
  const slots = limiter.slots();
  if (!state.draining) return slots;
  const types = Object.entries(slots.types).map(([type, { total }]) => [type, { total, free: 0 }] as const);
  return { total: slots.total, free: 0, types: Object.fromEntries(types) };
}

function snapshot(rooms: Assembly): DispatchSnapshot {
  const { state, flights, board } = rooms;
  const waiting: Record<string, number> = {};
  for (const { problem } of flights.all()) {
    if (problem !== undefined) waiting[problem.code] = (waiting[problem.code] ?? 0) + 1;
  }
  const { live, ended } = board.counts();
  return {
    active: state.session !== undefined,
    epoch: state.session?.epoch,
    draining: state.draining,
    slots: slotsNow(rooms),
    inFlight: flights.size,
    waiting,
    pending: rooms.endings.pending(),
    live,
    unrecorded: ended,
    remembered: { cancels: rooms.cancelling.size, recorded: rooms.recorded.size },
    watch: rooms.watching.state(),
  };
}

async function shutDown(rooms: Assembly): Promise<void> {
  leave(rooms, 'closing');
  rooms.state.closed = true;
  await rooms.watching.stop();
  await rooms.tasks.settled();
  // Last, because a task that ends may have armed a timer again.
  rooms.endings.clear();
}
