import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '@runner/dispatch';
import { openJobsPlace } from '../support/jobs-place.ts';
import type { JobsPlace } from '../support/jobs-place.ts';
import { openWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

let world: World;
let place: JobsPlace;
beforeAll(async () => {
  world = await openWorld();
  place = await openJobsPlace(world.root);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const environmentOf = async (transport: 'crd' | 'server') =>
  transport === 'crd' ? await place.argoEnvironment() : place.argoServerEnvironment();

describe.each(['crd', 'server'] as const)('over the transport %s, an agent with Workflows', (transport) => {
  it.each(FAULT_POINTS)('that is killed at %s leaves nothing lost and nothing doubled behind', async (point) => {
    const usual = await environmentOf(transport);
    const runner = await world.runner(`argo-${transport}-dies-at-${point.replaceAll('_', '-')}`);
    const isEnding = point === 'before_end' || point === 'after_end';
    const diesLater = ['observed_end', 'before_report_end', 'after_report_end'].includes(point);
    const doomed = await runner.activeAgent({ ...usual, NODE_ENV: 'test', RUNNER_FAULT_POINT: point });
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    if (isEnding) {
      await place.runningWorkflow(runId);
      await pipeline.ask('kill');
    }
    if (diesLater) place.cluster.exit(await place.runningWorkflow(runId), 9);
    expect(await doomed.ended).toBe('SIGKILL');
    await runner.activeAgent(usual);
    if (!isEnding && !diesLater) place.cluster.exit(await place.runningWorkflow(runId), 9);
    const run = await world.ended(runId);
    if (isEnding) expect(run).toMatchObject({ state: 'cancelled' });
    else expect(run).toMatchObject({ state: 'failed', outcome: { exitCode: 9 } });
    expect(place.executions(runId)).toBe(1);
    expect(place.workflows(runId)).toHaveLength(1);
  });
});
