import type { RunRecord } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import { placeOfRun } from './apply.ts';
import type { RunNote } from './notes.ts';
import type { World } from './world.ts';

/** Timers that a quiet system may hold: heartbeats, silence, levels, leases, watches of both sides. */
const QUIET_TIMERS = 60;

/**
 * What must hold once everything works again and every program has ended. Each sentence begins with the name of the
 * promise that is broken.
 */
export async function broken(world: World): Promise<readonly string[]> {
  const found = [...world.notes.broken];
  for (const note of world.notes.runs.values()) {
    const row = await world.store.runs.get(note.runId);
    found.push(...brokenRun(world, note, row));
  }
  for (const instance of world.instances) {
    const snapshot = instance?.agent.status().dispatch;
    if (snapshot === undefined || !snapshot.active) continue;
    if (snapshot.inFlight > 0) found.push(`memory: ${snapshot.inFlight} starts are still in flight`);
    if (snapshot.live > 0) found.push(`memory: ${snapshot.live} workloads are still counted as alive`);
    if (snapshot.unrecorded > 0) found.push(`memory: ${snapshot.unrecorded} outcomes are not recorded`);
  }
  if (world.clock.pendingTimers > QUIET_TIMERS)
    found.push(`memory: ${world.clock.pendingTimers} timers in a quiet system`);
  return found;
}

function brokenRun(world: World, note: RunNote, row: RunRecord | undefined): readonly string[] {
  const { runId } = note;
  const executions = world.executions(runId);
  const found: string[] = [];
  const allowed = 1 + note.removedUnaccepted;
  if (executions > allowed && !note.rowOld) found.push(`executed twice: ${runId} was executed ${executions} times`);
  if (note.cancelledUnoffered && executions > 0)
    found.push(`cancel lost: ${runId} was cancelled before it was offered, and executed`);
  if (note.cancelConfirmed !== undefined && executions > note.cancelConfirmed && !world.lateCreates)
    found.push(`cancel lost: ${runId} was said to be cancelled with nothing left, and executed after that`);
  found.push(...endedUnasked(world, note));
  // Either the store was wiped, whose workloads belong to another control plane, or nothing of the run stands.
  if (note.rowLost && row === undefined && !isOurs(world, note)) return found;
  if (row === undefined) return [...found, `run lost: ${runId} has no row`];
  if (!isClosed(row))
    return [
      ...found,
      `run lost: ${runId} is still ${row.state} (want ${row.want}, accepted ${row.accepted}) ${JSON.stringify(row.diagnosis)}`,
    ];
  return [...found, ...wrongOutcome(world, note, row)];
}

/** The store was put back to a state before the run, whose workload stands: it is adopted. */
function isOurs(world: World, { runId, removed, discardAsked }: RunNote): boolean {
  if (removed || discardAsked || world.sights.home.unlisted.has(runId)) return false;
  return Object.values(world.places).some((place) => place.owner(runId)?.controlPlaneId === world.store.controlPlaneId);
}

function endedUnasked(world: World, { runId, cancelAsked }: RunNote): readonly string[] {
  if (cancelAsked) return [];
  return Object.values(world.places).flatMap((place) => {
    const seen = place.look(runId);
    const cancelled = seen.presence === 'present' && seen.outcome?.result === 'cancelled';
    return cancelled ? [`ended unasked: nobody had cancelled ${runId}`] : [];
  });
}

function wrongOutcome(world: World, note: RunNote, row: RunRecord): readonly string[] {
  const { runId } = note;
  // An older store may offer a run again that stands in another scope already; two faults of an operator at once.
  const everywhere = Object.values(world.places).every((place) => place.runIds().includes(runId));
  // So is a workload that no list shows, under a row that does not know of it.
  if (note.rowOld && (everywhere || world.sights.home.unlisted.has(runId))) return [];
  const seen = placeOfRun(world, runId)?.look(runId);
  const gone = note.removed || note.discardAsked;
  if (row.state === 'lost' && !gone && !note.offeredAgain)
    return [`wrong outcome: ${runId} is lost although nobody removed its workload`];
  if (note.main !== undefined && row.writtenBy === 'main' && row.state !== note.main) {
    return [`wrong outcome: ${runId} is ${row.state} although main said ${note.main}`];
  }
  if (seen?.presence !== 'present' || note.removed) return [];
  if (seen.phase !== 'ended' || seen.outcome === undefined)
    return [`not ended: ${runId} is ${row.state}, and its workload ${seen.phase}`];
  if (row.writtenBy === 'main') return [];
  if (row.state !== seen.outcome.result && row.reason === undefined) {
    return [`wrong outcome: ${runId} is ${row.state} and its workload ${seen.outcome.result}`];
  }
  return [];
}
