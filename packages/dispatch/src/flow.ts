import type { BackoffOptions, Clock, Logger, Random } from '@runner/core';
import { backoffDelay, isAbort, isRunnerError } from '@runner/core';
import type { Observation } from '@runner/executor';
import { isAborted } from './aborted.ts';
import type { Board } from './board.ts';
import { dispatchError, problemOf } from './errors.ts';
import type { ExecutorCalls } from './executor-calls.ts';
import type { FaultPoint, FaultPoints } from './fault-points.ts';
import type { Flight } from './flights.ts';
import type { Limiter } from './limiter.ts';
import type { Policy, PolicyVerdict, Problem } from './ports.ts';
import type { Ended } from './standing.ts';

/*
 * THE WAY OF A START
 *
 *   frame ─► dedupe ─► policy ─► limiter ─► executor ─► reporter
 *
 * dedupe    one flight per run; a repeated start joined it before it came here (flights.ts). What an earlier session
 *           left under way is waited for, so that two submits of one run never overlap.
 * policy    the customer's own limits, asked before anything is reserved. A refusal is terminal.
 * limiter   a slot, or `waiting` until there is one. Slots follow from what is observed (limiter.ts).
 * executor  submit, again and again while it fails for now. It creates at most once, for it is idempotent by runId.
 * reporter  exactly one answer. `accepted` comes last: the workload exists by then.
 *
 * Between any two stages a cancel or the loss of the session is noticed. A cancel ends whatever stands and answers
 * `cancelled` only when nothing does.
 */

/** How a start ends. */
export type Answer =
  | { readonly kind: 'accepted'; readonly created: boolean; readonly observation: Observation }
  | { readonly kind: 'refused'; readonly problem: Problem }
  /** A cancel won and nothing exists. */
  | { readonly kind: 'cancelled' }
  /** A cancel won, but a workload stood: it was ended in place. */
  | { readonly kind: 'ended'; readonly observation: Observation }
  /** The session is over, or the agent drains: no answer. The start is sent again. */
  | { readonly kind: 'abandoned' };

export interface FlowRooms {
  readonly board: Board;
  readonly policy: Policy;
  readonly limiter: Limiter;
  readonly calls: ExecutorCalls;
  readonly clock: Clock;
  readonly random: Random;
  readonly retry: BackoffOptions;
  readonly logger: Logger;
  readonly at: FaultPoints;
  readonly draining: () => boolean;
  /** Tells what the flight waits for, once per change. */
  readonly wait: (flight: Flight, problem: Problem) => void;
  /** Ends what stands for a cancelled start. */
  readonly end: (flight: Flight) => Promise<Ended>;
}

/** A stage answers, or lets the start go on. */
type Stage = (flight: Flight, rooms: FlowRooms) => Promise<Answer | undefined>;

const STAGES: readonly (readonly [Stage, FaultPoint])[] = [
  [dedupe, 'deduped'],
  [askPolicy, 'policy_checked'],
  [takeSlot, 'slot_taken'],
  [submit, 'after_submit'],
];

const ABANDONED: Answer = { kind: 'abandoned' };

/** Walks one start through all stages. Never rejects for reasons of the outside world. */
export async function walk(flight: Flight, rooms: FlowRooms): Promise<Answer> {
  await rooms.at('received', flight.runId);
  for (const [stage, point] of STAGES) {
    const answer = await stage(flight, rooms);
    await rooms.at(point, flight.runId);
    if (answer !== undefined) return answer;
    if (flight.abandoned.aborted) return ABANDONED;
    if (flight.cancel !== undefined) return await overtaken(flight, rooms);
  }
  return ABANDONED;
}

async function dedupe(flight: Flight, { calls }: FlowRooms): Promise<undefined> {
  await calls.submitSettled(flight.runId, flight.abandoned);
}

async function askPolicy(flight: Flight, rooms: FlowRooms): Promise<Answer | undefined> {
  const verdict = await verdictOn(flight, rooms);
  if (verdict.verdict === 'allow') return undefined;
  const { code, message, hint } = verdict;
  const refused: Answer = { kind: 'refused', problem: { code, message, ...(hint === undefined ? {} : { hint }) } };
  if (rooms.board.get(flight.runId) === undefined) return refused;
  // The workload was allowed when it was created and its outcome is owed. It is looked at, not submitted: were it gone
  // by now, a submit would create what the policy refuses.
  const seen = await rooms.calls.observe(flight.runId, flight.abandoned).catch(() => undefined);
  return seen?.presence === 'present' ? { kind: 'accepted', created: false, observation: seen } : refused;
}

async function verdictOn(flight: Flight, { policy, logger }: FlowRooms): Promise<PolicyVerdict> {
  try {
    return await policy.check(flight.spec, flight.connection);
  } catch (error) {
    logger.error('the policy failed, so the run is refused', { runId: flight.runId, error });
    const failed = dispatchError('policy_failed', "the agent's own policy could not be evaluated", {
      hint: "The agent's log has the cause.",
    });
    return { verdict: 'refuse', ...problemOf(failed) };
  }
}

async function takeSlot(flight: Flight, { limiter, wait }: FlowRooms): Promise<undefined> {
  const { runId, spec, roused } = flight;
  try {
    await limiter.take(runId, spec.pipelineType, roused, () => {
      wait(
        flight,
        problemOf(dispatchError('no_slot', 'every slot of this agent is taken; the run starts when one is free')),
      );
    });
  } catch (error) {
    if (!isAbort(error)) throw error;
  }
}

/** How often an error is tried again that does not say whether that makes sense: a bug must not keep a run waiting for ever. */
const TRIES_OF_UNCLEAR_ERRORS = 3;

async function submit(flight: Flight, rooms: FlowRooms): Promise<Answer | undefined> {
  const { runId, spec } = flight;
  for (let attempt = 0; !flight.roused.aborted && !rooms.draining(); attempt += 1) {
    await rooms.at('before_submit', runId);
    if (isAborted(flight.roused)) return undefined;
    try {
      flight.submitting = true;
      const { created, observation } = await rooms.calls.submit(spec, flight.abandoned);
      return { kind: 'accepted', created, observation };
    } catch (error) {
      if (flight.abandoned.aborted) return ABANDONED;
      if (!worthAnotherTry(error, attempt)) return { kind: 'refused', problem: problemOf(error) };
      rooms.wait(flight, problemOf(error));
    } finally {
      flight.submitting = false;
    }
    await rooms.clock.sleep(backoffDelay(attempt, rooms.retry, rooms.random), flight.roused).catch(() => undefined);
  }
  return undefined;
}

function worthAnotherTry(error: unknown, attempt: number): boolean {
  return isRunnerError(error) ? error.retryable : attempt + 1 < TRIES_OF_UNCLEAR_ERRORS;
}

/** The cancel was here first. A failed submit may have created something all the same, so what stands is ended, not assumed away. */
async function overtaken(flight: Flight, rooms: FlowRooms): Promise<Answer> {
  const ended = await rooms.end(flight);
  if (ended === undefined) return ABANDONED;
  return ended.presence === 'absent' ? { kind: 'cancelled' } : { kind: 'ended', observation: ended };
}
