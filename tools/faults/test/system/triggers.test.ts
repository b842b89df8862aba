import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe('a trigger', () => {
  it('while a run is open is answered 409 with the id of that run, and nothing is executed twice', async () => {
    const runner = await world.runner('double');
    await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    expect(await pipeline.ask('trigger')).toMatchObject({ status: 409, body: { errorType: 'run_in_progress', runId } });
    await world.workloads.running(runId);
    expect(await pipeline.ask('trigger')).toMatchObject({ status: 409, body: { runId } });
    await world.workloads.exit(runId, 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded', pipelineState: 'success' });
    expect(world.workloads.executions(runId)).toHaveLength(1);
    const next = await pipeline.trigger();
    expect(next).not.toBe(runId);
    await world.workloads.exit(next, 0);
    await world.ended(next);
  });

  it('while the runner is away waits, and is carried out once it comes', async () => {
    const runner = await world.runner('away');
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    expect(await world.run(runId)).toMatchObject({ state: 'queued', pipelineState: 'queued', runner: 'away' });
    expect(await runner.entry()).toMatchObject({ status: 'Inactive' });
    await runner.activeAgent();
    await world.workloads.exit(runId, 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });
});

describe('a kill', () => {
  it('before the start means that nothing is ever executed', async () => {
    const runner = await world.runner('kill-before');
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    expect(await pipeline.ask('kill')).toMatchObject({ status: 200, body: { runId } });
    expect(await world.run(runId)).toMatchObject({ state: 'cancelled', pipelineState: 'failed' });
    await runner.activeAgent();
    const other = await (await runner.pipeline()).trigger();
    await world.workloads.exit(other, 0);
    await world.ended(other);
    expect(world.workloads.executions(runId)).toEqual([]);
  });

  it('that is said twice ends the run once, and changes nothing after the end', async () => {
    const runner = await world.runner('kill-twice');
    await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    await world.workloads.running(runId);
    const kills = await Promise.all([pipeline.ask('kill'), pipeline.ask('kill')]);
    expect(kills.map(({ status }) => status)).toEqual([200, 200]);
    const ended = await world.inState(runId, 'cancelled');
    expect(ended).toMatchObject({ pipelineState: 'failed' });
    expect(await pipeline.ask('kill')).toMatchObject({
      status: 200,
      body: { reason: 'no run of this pipeline is open' },
    });
    await world.api.call('POST', `runs/${runId}/kill`);
    expect(await world.run(runId)).toEqual(ended);
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });

  it('after success leaves the success', async () => {
    const runner = await world.runner('kill-late');
    await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    await world.workloads.exit(runId, 0);
    const ended = await world.ended(runId);
    await world.api.call('POST', `runs/${runId}/kill`);
    expect(await world.run(runId)).toEqual(ended);
    expect(ended).toMatchObject({ state: 'succeeded' });
  });
});

describe('a pipeline that is deleted while it runs', () => {
  it('is ended first, and then it is gone with its runs', async () => {
    const runner = await world.runner('deleted');
    await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    const pid = await world.workloads.running(runId);
    await world.api.call('DELETE', `services/ingestionPipelines/${pipeline.id}`);
    expect(await pipeline.ask('trigger')).toMatchObject({ status: 404 });
    await expect
      .poll(async () => (await world.api.ask('GET', `services/ingestionPipelines/${pipeline.id}`)).status, {
        timeout: 30_000,
      })
      .toBe(404);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await world.api.ask('GET', `runs/${runId}`)).toMatchObject({ status: 404 });
  });
});
