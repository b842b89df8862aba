import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '@runner/dispatch';
import { eventually } from '../../src/waiting.ts';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a workload that is killed', () => {
  it('by somebody else is failed, and the signal is named', async () => {
    const runner = await world.runner('program-killed');
    await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    process.kill(await world.workloads.running(runId), 'SIGKILL');
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', pipelineState: 'failed', outcome: { result: 'failed' } });
    expect(JSON.stringify(run['diagnosis'])).toContain('SIGKILL');
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });

  it('together with the supervisor is failed as lost, and nothing of it is left', async () => {
    const runner = await world.runner('supervisor-killed');
    await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    const program = await world.workloads.running(runId);
    const claim = join(world.root, 'runs-of-supervisor-killed', 'runs', runId, 'claim.json');
    const { supervisor } = JSON.parse(await readFile(claim, 'utf8')) as { supervisor: { pid: number } };
    process.kill(supervisor.pid, 'SIGKILL');
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { code: 'supervisor_lost' } });
    await eventually('the program is gone', () => !isThere(program));
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });
});

describe.each(FAULT_POINTS)('an agent that is killed at %s', (point) => {
  it('leaves nothing lost and nothing doubled behind', async () => {
    const name = `dies-at-${point.replaceAll('_', '-')}`;
    const runner = await world.runner(name);
    const isEnding = point === 'before_end' || point === 'after_end';
    const doomed = await runner.activeAgent({ NODE_ENV: 'test', RUNNER_FAULT_POINT: point });
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    if (isEnding) {
      await world.workloads.running(runId);
      await pipeline.ask('kill');
    } else {
      await world.workloads.exit(runId, 9);
    }
    expect(await doomed.ended).toBe('SIGKILL');
    await runner.activeAgent();
    const run = await world.ended(runId);
    if (isEnding) expect(run).toMatchObject({ state: 'cancelled' });
    else expect(run).toMatchObject({ state: 'failed', outcome: { exitCode: 9 } });
    expect(world.workloads.executions(runId)).toHaveLength(1);
  });
});
