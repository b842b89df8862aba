import type { Diagnosis } from '@runner/executor';
import type { FakePlace } from '@runner/executor/testing';
import { abandon, isClosed, recordByMain, requestCancel } from '@runner/protocol/server';
import type { Action } from './history.ts';
import { AGENT_ID } from './instance.ts';
import type { PlaceName, World } from './world.ts';

/** Lets one thing happen. What cannot happen just now (no such run, nobody to kill) does not. */
export async function apply(world: World, action: Action): Promise<void> {
  if ('run' in action) await onRun(world, action);
  else if ('agent' in action) await onAgent(world, action);
  else await onTheRest(world, action);
  await world.clock.settle();
}

type OnRun = Extract<Action, { run: number }>;
type OnAgent = Extract<Action, { agent: number }>;
type Rest = Exclude<Action, OnRun | OnAgent>;

const pick = <T>(items: readonly T[], index: number): T | undefined => items[index % Math.max(1, items.length)];

/** Where the workload of a run stands, if it stands anywhere. */
export function placeOfRun(world: World, runId: string): FakePlace | undefined {
  return Object.values(world.places).find((place) => place.runIds().includes(runId));
}

async function onRun(world: World, action: OnRun): Promise<void> {
  const runId = pick([...world.notes.runs.keys()], action.run);
  const note = runId === undefined ? undefined : world.notes.runs.get(runId);
  if (runId === undefined || note === undefined) return;
  const place = placeOfRun(world, runId);
  const row = await world.store.runs.get(runId);
  switch (action.do) {
    case 'cancel':
      if (row === undefined || isClosed(row)) return;
      note.cancelAsked = true;
      if (!row.offered && !note.rowOld) note.cancelledUnoffered = true;
      await world.change(runId, (now) => requestCancel(now, world.clock.now()));
      world.nudge();
      return;
    case 'mainReports': {
      // Only a program that executes can say something.
      const seen = place?.look(runId);
      if (row === undefined || seen?.presence !== 'present' || (seen.phase !== 'running' && seen.phase !== 'ending'))
        return;
      if (seen.startedAt === undefined) return;
      if (action.state !== 'running') note.main ??= action.state;
      await world.change(runId, (now) => recordByMain(now, { state: action.state }, world.clock.now()));
      return;
    }
    case 'abandon':
      await world.change(runId, (now) => (now.offered ? abandon(now, world.clock.now()) : undefined));
      return;
    case 'removeByHand':
      if (place === undefined) return;
      note.removed = true;
      // A create that is still under way may be applied after the removal.
      if (row?.accepted !== true || world.lateCreates) note.removedUnaccepted += 1;
      place.remove(runId);
      return;
    case 'discard':
      // The control plane asks this of what is over for it.
      if (row === undefined || !isClosed(row)) return;
      if (row.outcome === undefined && row.writtenBy !== 'main') return;
      note.discardAsked = true;
      for (const replica of world.replicas) replica?.bridge.discard(AGENT_ID, runId);
      return;
    case 'unlist':
      if (place === undefined) return;
      for (const sight of Object.values(world.sights)) sight.unlisted.add(runId);
      return;
    case 'begin':
      place?.start(runId);
      return;
    case 'succeed':
      if (isExecuting(place, runId)) place?.succeed(runId);
      return;
    case 'fail':
      if (isExecuting(place, runId)) place?.fail(runId, { exitCode: 1 });
      return;
    case 'stop':
      place?.stop(runId);
      return;
    case 'stuck':
      place?.wait(runId, MISSING_IMAGE);
      return;
  }
}

const MISSING_IMAGE: Diagnosis = {
  category: 'image',
  code: 'image_not_found',
  message: 'The image does not exist.',
  permanent: true,
};

const isExecuting = (place: FakePlace | undefined, runId: string): boolean => {
  const seen = place?.look(runId);
  return seen?.presence === 'present' && seen.startedAt !== undefined && seen.phase !== 'ended';
};

async function onAgent(world: World, action: OnAgent): Promise<void> {
  const instance = world.instances[action.agent];
  const line = instance?.lines.at(-1);
  const wire = line?.wire;
  switch (action.do) {
    case 'cut':
      wire?.cut('both');
      return;
    case 'halfOpen':
      wire?.halfOpen('both');
      return;
    case 'hold':
      wire?.hold();
      return;
    case 'release':
      wire?.release();
      return;
    case 'replay':
      world.network.replay(action.from, line, action.frame);
      return;
    case 'killAgent':
      world.killInstance(action.agent);
      return;
    case 'startAgent':
      world.startInstance(action.agent, 'home');
      return;
    case 'stopAgent':
      await world.stopInstance(action.agent);
      return;
    case 'otherScope': {
      const where: PlaceName = instance?.place === world.places.elsewhere ? 'home' : 'elsewhere';
      world.killInstance(action.agent);
      world.startInstance(action.agent, where);
      return;
    }
  }
}

async function onTheRest(world: World, action: Rest): Promise<void> {
  const { home } = world.places;
  switch (action.do) {
    case 'submit':
      world.submit();
      return;
    case 'wait':
      await world.clock.advance(action.ms);
      return;
    case 'tamper':
      world.network.tamper(action.from, action.how, action.frames);
      return;
    case 'killReplica':
      world.killReplica(action.replica);
      return;
    case 'startReplica':
      world.startReplica(action.replica);
      return;
    case 'submitFault':
      if (action.kind === 'late') world.lateCreates = true;
      home.failSubmit(action.kind === 'late' ? { kind: 'late', afterMs: 7_000 } : { kind: action.kind });
      return;
    case 'placeAway':
      world.blind = true;
      home.away = true;
      return;
    case 'placeBack':
      home.away = false;
      home.deaf = false;
      return;
    case 'placeDeaf':
      world.blind = true;
      home.deaf = true;
      return;
    case 'staleLists':
      world.freeze('home');
      return;
    case 'freshLists':
      world.thaw('home');
      return;
    case 'loseSignals':
      world.signalsLost = true;
      return;
    case 'deliverSignals':
      world.signalsLost = false;
      return;
    case 'copyStore':
      world.keepCopy();
      return;
    case 'restoreStore':
      if (world.copy !== undefined) await world.replaceStore(world.copy);
      return;
    case 'wipeStore':
      await world.replaceStore(undefined);
      return;
    case 'clockStepsBack':
      world.clock.stepWall(-3_600_000);
      return;
  }
}
