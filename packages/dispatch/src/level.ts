import type { Clock, Logger } from '@runner/core';
import { messageOf } from '@runner/core';
import { isEnded } from '@runner/executor';
import type { ListResult, Observation } from '@runner/executor';
import type { Board } from './board.ts';
import type { BoundedSet } from './bounded-set.ts';
import type { Cancelling } from './cancelling.ts';
import { within } from './executor-calls.ts';
import type { Endings } from './endings.ts';
import type { ExecutorCalls } from './executor-calls.ts';
import type { Flights } from './flights.ts';
import type { LevelRun } from './ports.ts';
import type { Session } from './session.ts';
import type { Sightings } from './sightings.ts';
import type { Stages } from './stages.ts';

export interface LevelRooms {
  readonly calls: ExecutorCalls;
  readonly board: Board;
  readonly flights: Flights;
  readonly cancelling: Cancelling;
  readonly sightings: Sightings;
  readonly stages: Stages;
  readonly recorded: BoundedSet;
  readonly endings: Endings;
  /** Runs that the control plane has yet to start (again), as it said last: a workload of theirs may stand half made. */
  readonly expected: Set<string>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Runs are asked for by name this many at a time. */
const PARALLEL_READS = 8;

/**
 * Reads what a level asks for: one list, and a look by name at each run that it lacks or tells only half of. Creates nothing. What cannot be
 * read in time is `unknown`, which never ends or loses a run. Never rejects.
 */
export async function readLevel(
  session: Session,
  runs: readonly LevelRun[],
  rooms: LevelRooms,
): Promise<readonly Observation[]> {
  const { board, calls, cancelling, clock } = rooms;
  const mark = board.mark();
  expectStarts(runs, rooms);
  for (const run of runs) if (run.want === 'cancel') cancelling.cancel(session, run.runId, undefined);

  const asked = new Set(runs.map(({ runId }) => runId));
  const looked = new Map<string, Observation>();
  const list = { fresh: false, observations: [] as Observation[], problem: 'the time for reading is over' };
  const read = async (signal: AbortSignal): Promise<void> => {
    const result = await calls.list(session.owner, signal);
    takeList(session, result, mark, rooms);
    list.observations = [...result.observations];
    list.fresh = result.fresh;
    list.problem = 'the time for reading is over';
    const listed = new Map(result.observations.map((seen) => [seen.runId, seen]));
    const unsure = [...asked].filter((runId) => needsLook(listed.get(runId)));
    await eachOf(unsure, PARALLEL_READS, async (runId) => {
      const seen = await look(runId, rooms, signal);
      if (seen.presence !== 'unknown' || !listed.has(runId)) looked.set(runId, seen);
    });
  };
  try {
    await within(clock, rooms.timeoutMs, session.signal, 'a level', read);
  } catch (error) {
    list.problem = messageOf(error);
    if (!session.signal.aborted) rooms.logger.warn('a level could not be read to its end', { error });
  }

  // From here to the return nothing is awaited: what is said is what is known at this moment.
  const known = new Map([...list.observations, ...looked.values()].map((seen) => [seen.runId, seen]));
  const answers = [...asked].map((runId) => {
    const seen = known.get(runId) ?? unknown(runId, clock.now(), list.problem);
    return sure(rooms.expected.has(runId) ? startable(seen) : seen, list.fresh, mark, rooms);
  });
  const strays = list.observations.filter(({ runId }) => !asked.has(runId) && !rooms.recorded.has(runId));
  const report = [...answers, ...strays];
  for (const seen of report) if (isEnded(seen)) rooms.stages.reported(seen.runId);
  return report;
}

function expectStarts(runs: readonly LevelRun[], { expected, endings }: LevelRooms): void {
  const before = [...expected];
  expected.clear();
  for (const { runId, want, accepted } of runs) if (want === 'run' && !accepted) expected.add(runId);
  for (const runId of new Set([...before, ...expected])) endings.startChanged(runId);
}

/** Runs that the list lacks, and failures for whose last words a list has no room. */
function needsLook(listed: Observation | undefined): boolean {
  if (listed === undefined) return true;
  return isEnded(listed) && listed.outcome.result === 'failed' && listed.outcome.logTail === undefined;
}

/** Notes what a list shows, and, when it is fresh, that what it lacks is gone: so no slot outlives its workload. */
function takeList(session: Session, result: ListResult, mark: number, rooms: LevelRooms): void {
  const { board, sightings, recorded } = rooms;
  const listed = new Set(result.observations.map(({ runId }) => runId));
  for (const seen of result.observations) {
    if (seen.presence !== 'present') continue;
    sightings.note(seen);
    rooms.cancelling.seen(session, seen);
  }
  if (!result.fresh) return;
  for (const runId of board.missing(listed, mark)) sightings.gone(runId);
  recorded.retain((runId) => listed.has(runId));
}

async function look(runId: string, rooms: LevelRooms, signal: AbortSignal): Promise<Observation> {
  try {
    const seen = await rooms.calls.observe(runId, signal);
    if (seen.presence === 'present') rooms.sightings.note(seen);
    return seen;
  } catch (error) {
    return unknown(runId, rooms.clock.now(), messageOf(error));
  }
}

/**
 * A run that awaits its start may have it although its absence is not proven: what is there after all is adopted by the
 * start, and nothing is closed because of it.
 */
function startable(seen: Observation): Observation {
  const { runId, observedAt } = seen;
  const isMissing = seen.presence === 'unknown' && seen.unproven === true;
  return isMissing ? { presence: 'absent', runId, observedAt, proven: true } : seen;
}

/** `absent` is the one thing that must be proved (it may close a run as lost); everything less is `unknown`. */
function sure(seen: Observation, fresh: boolean, mark: number, rooms: LevelRooms): Observation {
  const { runId, observedAt } = seen;
  if (seen.presence !== 'absent') return seen;
  if (rooms.flights.get(runId) !== undefined) return unknown(runId, observedAt, 'it is being submitted');
  // Created (and perhaps gone again) while the level was read: the list and the look are older than that.
  if (rooms.board.seenSince(runId, mark)) return unknown(runId, observedAt, 'it was seen while the level was read');
  if (!fresh && seen.proven !== true) return unknown(runId, observedAt, 'the list of workloads may be out of date');
  return seen;
}

function unknown(runId: string, observedAt: number, reason: string): Observation {
  return { presence: 'unknown', runId, observedAt, reason };
}

async function eachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
