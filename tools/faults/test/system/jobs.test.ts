import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '@runner/dispatch';
import { eventually } from '../../src/waiting.ts';
import { openJobsPlace } from '../support/jobs-place.ts';
import type { JobsPlace } from '../support/jobs-place.ts';
import type { Runner } from '../support/runner.ts';
import { openWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

let world: World;
let place: JobsPlace;
let usual: Readonly<Record<string, string>>;
beforeAll(async () => {
  world = await openWorld();
  place = await openJobsPlace(world.root);
  usual = await place.environment();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const agentOf = (runner: Runner, env: Readonly<Record<string, string>> = {}) =>
  runner.activeAgent({ ...usual, ...env });

describe.each(FAULT_POINTS)('an agent with Jobs that is killed at %s', (point) => {
  it('leaves nothing lost and nothing doubled behind', async () => {
    const runner = await world.runner(`jobs-die-at-${point.replaceAll('_', '-')}`);
    const isEnding = point === 'before_end' || point === 'after_end';
    const doomed = await agentOf(runner, { NODE_ENV: 'test', RUNNER_FAULT_POINT: point });
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    if (isEnding) {
      await place.running(runId);
      await pipeline.ask('kill');
    }
    const diesLater = ['observed_end', 'before_report_end', 'after_report_end'].includes(point);
    if (diesLater) place.cluster.exit(await place.running(runId), 9);
    expect(await doomed.ended).toBe('SIGKILL');
    await agentOf(runner);
    if (!isEnding && !diesLater) place.cluster.exit(await place.running(runId), 9);
    const run = await world.ended(runId);
    if (isEnding) expect(run).toMatchObject({ state: 'cancelled' });
    else expect(run).toMatchObject({ state: 'failed', outcome: { exitCode: 9 } });
    expect(place.executions(runId)).toBe(1);
    expect(place.jobs(runId)).toHaveLength(1);
  });
});

describe('a watch', () => {
  it.each([
    ['that is cut again and again', { kind: 'cut_watches', everyMs: 100 }],
    ['that tells everything twice', { kind: 'duplicate_events' }],
    ['that tells everything late', { kind: 'late_events', byMs: 300 }],
    ['that has become too old', { kind: 'expire' }],
  ] as const)('%s changes nothing of how runs end', async (what, fault) => {
    const runner = await world.runner(`watch-${what.replaceAll(' ', '-')}`);
    await agentOf(runner);
    const pipelines = await Promise.all([runner.pipeline(), runner.pipeline()]);
    const [good, bad] = await Promise.all([pipelines[0].trigger(), pipelines[1].trigger()]);
    const begun = Promise.all([place.running(good), place.running(bad)]);
    const repair = place.server.fault(fault, { verb: 'watch' });
    const [goodJob, badJob] = await begun;
    place.cluster.exit(goodJob, 0);
    place.cluster.exit(badJob, 3);
    expect(await world.ended(good)).toMatchObject({ state: 'succeeded' });
    expect(await world.ended(bad)).toMatchObject({ state: 'failed', outcome: { exitCode: 3 } });
    repair();
    expect([place.executions(good), place.executions(bad)]).toEqual([1, 1]);
  });
});

describe('an API server', () => {
  it('that is gone while runs go on and end is caught up with once it is back', async () => {
    const runner = await world.runner('api-server-away');
    const agent = await agentOf(runner);
    const pipelines = await Promise.all([runner.pipeline(), runner.pipeline(), runner.pipeline()]);
    const [ends, goesOn] = await Promise.all([pipelines[0].trigger(), pipelines[1].trigger()]);
    const [endsJob, goesOnJob] = await Promise.all([place.running(ends), place.running(goesOn)]);
    await world.inState(goesOn, 'running');
    await place.server.stop();
    place.cluster.exit(endsJob, 4);
    const queued = await pipelines[2].trigger();
    await eventually(
      'the new run says what it waits for',
      async () => {
        const { reason, diagnosis } = await world.run(queued);
        return typeof reason === 'string' && JSON.stringify(diagnosis).includes('permanent":false');
      },
      60_000,
    );
    expect(await world.run(goesOn)).toMatchObject({ state: 'running' });
    await place.server.start();
    expect(await world.ended(ends)).toMatchObject({ state: 'failed', outcome: { exitCode: 4 } });
    place.cluster.exit(goesOnJob, 0);
    expect(await world.ended(goesOn)).toMatchObject({ state: 'succeeded' });
    place.cluster.exit(await place.running(queued), 0);
    expect(await world.ended(queued)).toMatchObject({ state: 'succeeded' });
    expect([ends, goesOn, queued].map((runId) => place.executions(runId))).toEqual([1, 1, 1]);
    expect(agent.end()).toBeUndefined();
  });

  it.each([401, 403])('that answers %i is said in words, and tried until it does better', async (status) => {
    const runner = await world.runner(`api-server-${status}`);
    const repair = place.server.fault({ kind: 'status', status }, {});
    const agent = await agentOf(runner);
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    await eventually('the run says why it waits', async () => {
      const { diagnosis } = await world.run(runId);
      return diagnosis !== undefined && !JSON.stringify(diagnosis).includes('"message":""');
    });
    expect(await world.run(runId)).toMatchObject({ state: 'queued' });
    expect(agent.lines.filter(({ level }) => level === 'error').length).toBeGreaterThan(0);
    repair();
    place.cluster.exit(await place.running(runId), 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect(place.executions(runId)).toBe(1);
  });
});

describe('an API server with a bad moment', () => {
  it.each([
    ['answers 500', { kind: 'status', status: 500 }],
    ['is busy', { kind: 'status', status: 429, retryAfterSeconds: 1 }],
    ['cuts connections', { kind: 'reset' }],
    ['cuts connections after it did what was asked', { kind: 'reset', applied: true }],
  ] as const)('that %s makes one Job of a run all the same', async (what, fault) => {
    const runner = await world.runner(`bad-moment-${what.replaceAll(' ', '-')}`);
    await agentOf(runner);
    place.server.fault(fault, { verb: 'create', resource: 'jobs', times: 3 });
    const runId = await (await runner.pipeline()).trigger();
    place.cluster.exit(await place.running(runId), 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect([place.executions(runId), place.jobs(runId).length]).toEqual([1, 1]);
  });
});

describe('two agents with different ids in one namespace', () => {
  it('never touch each other’s work', async () => {
    const [one, other] = await Promise.all([world.runner('neighbour-one'), world.runner('neighbour-other')]);
    const first = await agentOf(one);
    await agentOf(other);
    const [mine, theirs] = await Promise.all([
      one.pipeline().then((pipeline) => pipeline.trigger()),
      other.pipeline().then((pipeline) => pipeline.trigger()),
    ]);
    const [mineJob, theirsJob] = await Promise.all([place.running(mine), place.running(theirs)]);
    // The Job runs before it is told: what an agent did not report before it was killed, the next one does, later.
    await world.inState(mine, 'running');
    await first.kill('SIGKILL');
    await agentOf(one);
    place.cluster.exit(theirsJob, 5);
    expect(await world.ended(theirs)).toMatchObject({ state: 'failed', outcome: { exitCode: 5 } });
    expect(await world.run(mine)).toMatchObject({ state: 'running' });
    place.cluster.exit(mineJob, 0);
    expect(await world.ended(mine)).toMatchObject({ state: 'succeeded' });
    const runs = (await world.api.call('GET', 'runs'))['data'];
    expect(JSON.stringify(runs)).not.toMatch(/neighbour/);
    expect([place.executions(mine), place.executions(theirs)]).toEqual([1, 1]);
  });
});
