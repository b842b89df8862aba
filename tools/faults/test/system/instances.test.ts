import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe('two agents of one id in one folder', () => {
  it('are active and standby; the standby takes over when the active one is killed, and nothing is doubled', async () => {
    const runner = await world.runner('takeover');
    const first = await runner.activeAgent();
    const second = runner.agent();
    await runner.hasRole(second, 'standby');
    const [running, next] = [await (await runner.pipeline()).trigger(), await runner.pipeline()];
    await world.workloads.running(running);
    await world.inState(running, 'running');

    await first.kill('SIGKILL');
    const waiting = await next.trigger();
    await runner.hasRole(second, 'active');
    await world.workloads.running(waiting);
    await world.workloads.exit(running, 0);
    await world.workloads.exit(waiting, 5);
    expect(await world.ended(running)).toMatchObject({ state: 'succeeded' });
    expect(await world.ended(waiting)).toMatchObject({ state: 'failed', outcome: { exitCode: 5 } });
    for (const runId of [running, waiting]) expect(world.workloads.executions(runId)).toHaveLength(1);
  });

  it('replace each other: the old one is told to leave once the new one is there', async () => {
    const runner = await world.runner('rolling');
    const old = await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    await world.workloads.running(runId);
    const fresh = runner.agent();
    await runner.hasRole(fresh, 'standby');
    expect(await old.kill('SIGTERM')).toBe(0);
    await runner.hasRole(fresh, 'active');
    expect(await pipeline.ask('trigger')).toMatchObject({ status: 409, body: { runId } });
    await world.workloads.exit(runId, 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });
});

describe('an agent of the same id in another folder', () => {
  it('is blocked and says so while the first one is there, and works once it and its runs are gone', async () => {
    const runner = await world.runner('moved');
    const first = await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    await world.workloads.running(runId);
    await world.inState(runId, 'running');
    const elsewhere = runner.agent({ LOCAL_EXECUTOR_DIR: join(world.root, 'elsewhere') });
    await runner.hasRole(elsewhere, 'blocked');
    await elsewhere.line(/blocked/);

    await world.workloads.exit(runId, 0);
    await world.ended(runId);
    await first.kill('SIGTERM');
    await runner.hasRole(elsewhere, 'active');
    const other = await (await runner.pipeline()).trigger();
    await world.workloads.exit(other, 0);
    expect(await world.ended(other)).toMatchObject({ state: 'succeeded' });
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });

  it('stays blocked while the runs of the first one are open, until an administrator releases the scope', async () => {
    const runner = await world.runner('released');
    const first = await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    await world.workloads.running(runId);
    await world.inState(runId, 'running');
    await first.kill('SIGKILL');
    const elsewhere = runner.agent({ LOCAL_EXECUTOR_DIR: join(world.root, 'released-elsewhere') });
    await runner.hasRole(elsewhere, 'blocked');

    await world.api.call('POST', `ingestionRunners/${runner.id}/release-scope`);
    await runner.hasRole(elsewhere, 'active');
    // The folder that holds the run is not here, so nothing is known of it: neither lost nor executed again.
    expect(await world.run(runId)).toMatchObject({ state: 'running' });
    expect(world.workloads.executions(runId)).toHaveLength(1);
    await world.workloads.exit(runId, 0);
    await elsewhere.kill('SIGTERM');
  });
});
