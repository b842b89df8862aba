import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, logEvents, restOf } from '@runner/faults';
import type { Rule, Runner, TestNamespace, World } from '@runner/e2e';
import { LONG_MS, OFFICIAL_ROLE, agentRules, openWorld } from '@runner/e2e';

let world: World;
let namespace: TestNamespace;
beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace('agents');
});
afterAll(() => world[Symbol.asyncDispose]());

const runnerNamed = (name: string, rules: readonly Rule[] = agentRules()): Promise<Runner> =>
  world.runner(name, { namespace, rules });

describe.each([
  {
    who: 'exactly the rights of permissions.ts',
    name: 'own-rights',
    rules: agentRules(),
    delivery: 'secret',
  },
  {
    who: 'the Role of the official chart',
    name: 'official-role',
    rules: OFFICIAL_ROLE,
    delivery: 'inline',
  },
])('an agent with $who', ({ name, rules, delivery }) => {
  it('starts, follows, cancels and removes nothing that it should not', async () => {
    const runner = await runnerNamed(name, rules);
    const agent = await runner.activeAgent();
    expect(await agent.line(/way of delivering configs was chosen/)).toMatchObject({ delivery });
    expect(agent.lines.filter(({ level }) => level === 'error')).toEqual([]);

    const pipeline = await runner.pipeline();
    const good = await pipeline.trigger();
    const program = await world.control.program(good);
    await program.print('hello from the pod\n');
    program.exit(0);
    expect(await world.ended(good)).toMatchObject({ state: 'succeeded' });
    await eventually(
      'the log is stored',
      async () => {
        const log = await world.api.call(
          'GET',
          `services/ingestionPipelines/logs/${encodeURIComponent(pipeline.fqn)}/${good}`,
        );
        return String(log['ingestion_task']).includes('hello from the pod');
      },
      LONG_MS,
    );

    const cancelled = await pipeline.trigger();
    await world.control.program(cancelled);
    await pipeline.ask('kill');
    expect(await world.ended(cancelled)).toMatchObject({ state: 'cancelled' });
    expect(agent.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('an agent without a right', () => {
  it('says at its start which one it lacks and what it was for', async () => {
    const rules = agentRules().filter(({ resources, verbs }) => !(resources[0] === 'jobs' && verbs[0] === 'patch'));
    const agent = (await runnerNamed('no-patch', rules)).agent();
    const line = await agent.line(/may not patch jobs\.batch/);
    expect(line.message).toMatch(/without it runs cannot be cancelled/);
  });
});

describe.each(['before_submit', 'after_submit', 'observed_end'])('an agent that is killed at %s', (point) => {
  it('leaves one Job, one execution and the outcome that it had', async () => {
    const runner = await runnerNamed(`dies-at-${point.replaceAll('_', '-')}`);
    const doomed = await runner.activeAgent({ NODE_ENV: 'test', RUNNER_FAULT_POINT: point });
    const runId = await (await runner.pipeline()).trigger();
    if (point === 'observed_end') (await world.control.program(runId)).exit(9);
    expect(await doomed.ended).toBe('SIGKILL');
    await runner.activeAgent();
    if (point !== 'observed_end') (await world.control.program(runId)).exit(9);
    expect(await world.ended(runId)).toMatchObject({ state: 'failed', outcome: { exitCode: 9 } });
    expect(world.control.executions(runId)).toBe(1);
    expect(await namespace.list('Job', `app.kubernetes.io/run-id=${runId}`)).toHaveLength(1);
  });
});

describe('a log that is followed', () => {
  it('has neither gap nor repeat after the agent was killed in the middle of it', async () => {
    const runner = await runnerNamed('log-follow');
    const first = await runner.activeAgent();
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    const program = await world.control.program(runId);
    const events = logEvents(world.api, pipeline.fqn, runId);
    const line = (number: number): string => `line ${number} of a log that goes on and on\n`;
    let expected = '';
    for (let number = 0; number < 400; number += 1) {
      expected += line(number);
      await program.print(line(number));
      if (number === 150) await first.kill('SIGKILL');
      if (number === 250) await runner.activeAgent();
    }
    program.exit(0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect(await restOf(events)).toBe(expected);
  });
});

describe('two agents in one namespace', () => {
  it('never touch the work of each other', async () => {
    const [left, right] = await Promise.all([runnerNamed('left'), runnerNamed('right')]);
    const [leftAgent] = await Promise.all([left.activeAgent(), right.activeAgent()]);
    const [leftPipeline, rightPipeline] = await Promise.all([left.pipeline(), right.pipeline()]);
    const [leftRun, rightRun] = await Promise.all([leftPipeline.trigger(), rightPipeline.trigger()]);
    await Promise.all([world.control.program(leftRun), world.control.program(rightRun)]);
    await Promise.all([world.inState(leftRun, 'running'), world.inState(rightRun, 'running')]);

    await leftPipeline.ask('kill');
    expect(await world.ended(leftRun)).toMatchObject({ state: 'cancelled' });
    // A new instance lists its work anew: what is not its own stays unseen.
    await leftAgent.kill('SIGTERM');
    const again = await left.activeAgent();
    expect(again.lines.filter(({ message }) => message.includes(rightRun))).toEqual([]);
    expect(await world.run(rightRun)).toMatchObject({ state: 'running' });
    (await world.control.program(rightRun)).exit(0);
    expect(await world.ended(rightRun)).toMatchObject({ state: 'succeeded' });
    expect([world.control.executions(leftRun), world.control.executions(rightRun)]).toEqual([1, 1]);
  });
});
