import { isLive } from '@runner/executor';
import { isClosed } from '@runner/protocol/server';
import { apply } from './apply.ts';
import type { History } from './history.ts';
import { broken } from './invariant.ts';
import { World } from './world.ts';
import type { PlaceName } from './world.ts';

const MINUTE = 60_000;

/** Plays a history, lets everything recover, and gives back which promises are broken. */
export async function play(history: History): Promise<readonly string[]> {
  const world = new World(history.seed);
  world.startReplica(0);
  world.startInstance(0, 'home');
  await world.clock.advance(1_000);
  for (const action of history.actions) await apply(world, action);
  await recover(world);
  return await broken(world);
}

/**
 * Repairs what the history broke, as operators would in the end: every process runs, every place can be asked. Workloads
 * may stand in two places, of which one agent can work in one at a time.
 */
async function recover(world: World): Promise<void> {
  for (const place of Object.values(world.places)) {
    place.away = false;
    place.deaf = false;
    place.thawLists();
  }
  world.calm();
  world.startReplica(0);
  for (const where of ['home', 'elsewhere', 'home'] as const) await finishWorkIn(world, where);
}

async function finishWorkIn(world: World, where: PlaceName): Promise<void> {
  world.instances.forEach((_, index) => world.killInstance(index));
  await world.clock.advance(MINUTE);
  world.startInstance(0, where);
  await world.clock.advance(2 * MINUTE);
  for (let round = 0; round < 12; round += 1) {
    endPrograms(world, where);
    await world.clock.advance(MINUTE);
    if (await isQuiet(world, where)) break;
  }
  await world.clock.advance(2 * MINUTE);
}

/** Programs that wait begin, those asked to stop stop, the others succeed. */
function endPrograms(world: World, where: PlaceName): void {
  const place = world.places[where];
  for (const runId of place.runIds()) {
    const seen = place.look(runId);
    if (!isLive(seen)) continue;
    if (seen.phase === 'pending') place.start(runId);
    else if (seen.phase === 'ending') place.stop(runId);
    else place.succeed(runId);
  }
}

async function isQuiet(world: World, where: PlaceName): Promise<boolean> {
  const rows = await Promise.all([...world.notes.runs.keys()].map((runId) => world.store.runs.get(runId)));
  const place = world.places[where];
  return (
    rows.every((row) => row === undefined || isClosed(row)) &&
    !place.runIds().some((runId) => isLive(place.look(runId)))
  );
}
