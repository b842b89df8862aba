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
  for (const where of ['home', 'elsewhere'] as const) {
    world.places[where].away = false;
    world.places[where].deaf = false;
    world.thaw(where);
  }
  world.calm();
  world.startReplica(0);
  await repairItself(world);
  for (const where of ['home', 'elsewhere', 'home'] as const) await finishWorkIn(world, where);
}

/** Whatever was lost on the way is made good by what runs already; only an agent that is not there is started. */
async function repairItself(world: World): Promise<void> {
  if (world.instances.every((instance) => instance === undefined)) world.startInstance(0, 'home');
  // WebSockets do not lose frames: whatever loses some will not stay connected for ever.
  if (world.network.creditLost) world.cutAll();
  // Two agents in two scopes wait for operators, not for each other.
  if (world.elsewhere) return;
  await world.clock.advance(5 * MINUTE);
  if (await carriedOn(world, 'home')) return;
  for (const { runId } of world.notes.runs.values()) {
    const row = await world.store.runs.get(runId);
    if (row !== undefined && !isClosed(row)) {
      world.notes.broken.push(
        `not repaired: ${runId} is ${row.state} (offered ${row.offered}, accepted ${row.accepted})`,
      );
    }
  }
}

async function finishWorkIn(world: World, where: PlaceName): Promise<void> {
  world.instances.forEach((_, index) => world.killInstance(index));
  await world.clock.advance(MINUTE);
  world.startInstance(0, where);
  await world.clock.advance(2 * MINUTE);
  await carriedOn(world, where);
  await world.clock.advance(2 * MINUTE);
}

/** Lets programs end until every row is closed; false when some row stays open. */
async function carriedOn(world: World, where: PlaceName): Promise<boolean> {
  // A long queue takes a while through few slots.
  const rounds = 12 + 2 * world.notes.runs.size;
  for (let round = 0; round < rounds; round += 1) {
    endPrograms(world, where);
    await world.clock.advance(MINUTE);
    if (await isQuiet(world, where)) return true;
  }
  return false;
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
