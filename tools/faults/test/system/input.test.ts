import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runner } from '../support/runner.ts';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const LIMIT = 131_064;

const pipelineOf = (runner: Runner, length: number) =>
  runner.pipeline({
    sourceConfig: { config: { type: 'DatabaseMetadata', tableFilterPattern: { includes: ['x'.repeat(length)] } } },
  });

describe('a config of more than 131,064 bytes', () => {
  it('is refused at the trigger with that sentence, and no run is made', async () => {
    const runner = await world.runner('too-large');
    await runner.activeAgent();
    const pipeline = await pipelineOf(runner, LIMIT);
    for (const action of ['deploy', 'trigger'] as const) {
      const { status, body } = await pipeline.ask(action);
      expect(status).toBe(422);
      expect(body).toMatchObject({ errorType: 'config_too_large' });
      expect(body['message']).toMatch(
        /^the configuration has 13\d{4} bytes, and an environment string cannot hold more than 131064$/,
      );
      expect(body['hint']).toContain('split the pipeline');
    }
    expect((await world.api.call('GET', `runs?entityId=${pipeline.id}`))['data']).toEqual([]);
  });

  it('that grows beyond it only at the agent, by its settings, ends refused with the sentence', async () => {
    const runner = await world.runner('grows');
    await runner.activeAgent();
    const { body } = await (await pipelineOf(runner, LIMIT)).ask('trigger');
    const bytes = Number(/has (\d+) bytes/.exec(String(body['message']))?.[1]);
    // One filter less by as much as was too much: exactly the limit at the control plane.
    const pipeline = await pipelineOf(runner, LIMIT - (bytes - LIMIT));
    const runId = await pipeline.trigger();
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'refused', pipelineState: 'failed', reason: 'config_too_large' });
    expect(JSON.stringify(run['diagnosis'])).toContain('an environment string holds at most 131064');
    expect(world.workloads.executions(runId)).toEqual([]);
  });
});

describe('a schedule', () => {
  it.each(['every day', '61 * * * *', '* * * * * *', '0 0 31 2 *'])(
    'of %j is refused in words',
    async (scheduleInterval) => {
      const runner = await world.runner(`cron-${Buffer.from(scheduleInterval).toString('hex')}`);
      const { status, body } = await runner.askForPipeline({ airflowConfig: { scheduleInterval } });
      expect(status).toBe(422);
      expect(body).toMatchObject({ errorType: 'invalid_schedule' });
      expect(String(body['hint'])).toContain('@daily');
    },
  );
});
