import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const run = promisify(execFile);
/** As people put back a backup: owners and modes stay. */
const copyFolder = (from: string, to: string): Promise<unknown> => run('cp', ['-a', from, to]);

/** Three pipelines of a runner whose runs are being executed. */
async function threeRunning(name: string) {
  const runner = await world.runner(name);
  const agent = await runner.activeAgent();
  const runs: string[] = [];
  for (let n = 0; n < 3; n += 1) runs.push(await (await runner.pipeline()).trigger());
  await Promise.all(runs.map((runId) => world.workloads.running(runId)));
  await Promise.all(runs.map((runId) => world.inState(runId, 'running')));
  const [one, two, three] = runs as [string, string, string];
  return { runner, agent, runs, one, two, three };
}

describe('a control plane that is away while runs end', () => {
  it('stopped: learns how each of them ended once it is back, and the agent stays as it was', async () => {
    const { runner, agent, runs, one, two, three } = await threeRunning('stopped');
    await world.server.stop('SIGTERM');
    await world.workloads.exit(one, 0);
    await world.workloads.exit(two, 3);
    process.kill(await world.workloads.running(three), 'SIGKILL');
    await world.server.start();
    expect(await world.ended(one)).toMatchObject({ state: 'succeeded', pipelineState: 'success' });
    expect(await world.ended(two)).toMatchObject({ state: 'failed', outcome: { exitCode: 3 } });
    expect(await world.ended(three)).toMatchObject({ state: 'failed', pipelineState: 'failed' });
    expect(JSON.stringify(await world.run(three))).toContain('SIGKILL');
    for (const runId of runs) expect(world.workloads.executions(runId)).toHaveLength(1);
    expect(agent.end()).toBeUndefined();
    await runner.hasRole(agent, 'active');
  });

  it('killed in the middle of runs: goes on with its store, and nothing is lost or doubled', async () => {
    const { runner, runs, one, two, three } = await threeRunning('killed');
    const pipeline = await runner.pipeline();
    const queued = await pipeline.trigger();
    await world.server.stop('SIGKILL');
    await world.workloads.exit(one, 0);
    await world.server.start();
    for (const runId of [two, three, queued]) await world.workloads.exit(runId, 4);
    expect(await world.ended(one)).toMatchObject({ state: 'succeeded' });
    for (const runId of [two, three, queued]) {
      expect(await world.ended(runId)).toMatchObject({ state: 'failed', outcome: { exitCode: 4 } });
    }
    for (const runId of [...runs, queued]) expect(world.workloads.executions(runId)).toHaveLength(1);
  });
});

describe('a store', () => {
  it('that was put back from an older copy: workloads it knows nothing of are adopted, closed ones are not run again', async () => {
    const { server, workloads } = world;
    const runner = await world.runner('restored');
    const agent = await runner.activeAgent();
    const [early, late] = [await runner.pipeline(), await runner.pipeline()];
    const first = await early.trigger();
    await workloads.running(first);
    await world.inState(first, 'running');
    await server.stop('SIGTERM');
    const database = join(server.dataDir, 'postgres');
    const copy = join(world.root, 'copy');
    await copyFolder(database, copy);
    await server.start();
    await runner.hasRole(agent, 'active');
    const second = await late.trigger();
    await workloads.running(second);
    await world.inState(second, 'running');
    await workloads.exit(first, 6);
    await world.ended(first);

    await server.stop('SIGTERM');
    await rm(database, { recursive: true });
    await copyFolder(copy, database);
    await server.start();
    await runner.hasRole(agent, 'active');
    expect(await world.ended(first)).toMatchObject({ state: 'failed', outcome: { exitCode: 6 } });
    await workloads.exit(second, 7);
    const adopted = await world.api.call('GET', `runs?entityId=${late.id}`);
    expect(adopted['data']).toEqual([]);
    expect(await world.ended(second)).toMatchObject({ state: 'failed', outcome: { exitCode: 7 }, runner: 'restored' });
    for (const runId of [first, second]) expect(workloads.executions(runId)).toHaveLength(1);
  });

  it('that was wiped: it is another control plane, which leaves the workloads of the former one alone', async () => {
    const { server, workloads } = world;
    const before = await threeRunning('wiped');
    await server.stop('SIGTERM');
    await rm(server.dataDir, { recursive: true });
    await server.start();
    // A new control plane knows neither runner nor token.
    await before.agent.line(/^no session/);
    const { token } = await world.api.call('POST', 'ingestionRunners', { name: 'wiped' });
    await before.runner.putToken(String(token));
    await before.runner.hasRole(before.agent, 'active');

    const other = await world.runner('beside');
    await before.agent.kill('SIGKILL');
    const agent = await other.activeAgent({ LOCAL_EXECUTOR_DIR: join(world.root, 'runs-of-wiped') });
    const mine = await (await other.pipeline()).trigger();
    await workloads.exit(mine, 0);
    expect(await world.ended(mine)).toMatchObject({ state: 'succeeded' });
    expect((await world.api.call('GET', 'runs'))['data']).toEqual([]);
    for (const runId of before.runs) {
      expect(() => process.kill(workloads.executions(runId)[0]!, 0)).not.toThrow();
      expect(workloads.executions(runId)).toHaveLength(1);
      expect(await world.api.ask('GET', `runs/${runId}`)).toMatchObject({ status: 404 });
      await workloads.exit(runId, 0);
    }
    await agent.kill('SIGTERM');
  });
});
