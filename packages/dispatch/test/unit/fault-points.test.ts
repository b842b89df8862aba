import { testClock } from '@runner/core/testing';
import type { FaultPoint } from '@runner/dispatch';
import { FAULT_POINTS } from '@runner/dispatch';
import { recordingReporter } from '@runner/dispatch/testing';
import { describe, expect, it } from 'vitest';
import type { Agent } from '../support/agent.ts';
import { agent } from '../support/agent.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { controlPlane } from '../support/control-plane.ts';
import type { Workloads } from '../support/workloads.ts';
import { workloads } from '../support/workloads.ts';

type Story = (server: ControlPlane, world: Workloads, settle: () => Promise<void>) => Promise<void>;

const success: Story = async (server, world, settle) => {
  server.trigger('r1', 'metadata');
  server.offer();
  await settle();
  if (world.get('r1') === undefined) return;
  world.run('r1');
  world.finish('r1');
  await settle();
};
const cancelled: Story = async (server, _world, settle) => {
  server.trigger('r1', 'metadata');
  server.offer();
  await settle();
  server.cancel('r1');
  await settle();
};
const overtaken: Story = async (server, _world, settle) => {
  server.trigger('r1', 'metadata');
  server.offer();
  server.cancel('r1');
  await settle();
};

/** Plays a story with an agent that dies at one point; a second agent finds what is left. */
async function killedAt(
  point: FaultPoint | 'never',
  story: Story,
): Promise<{ passed: FaultPoint[]; server: ControlPlane; world: Workloads }> {
  const clock = testClock();
  const world = workloads(clock);
  const server = controlPlane();
  const passed: FaultPoint[] = [];
  let dead = false;
  const first: Agent = agent({
    clock,
    world,
    faultPoint: (name) => {
      if (dead) return new Promise(() => undefined);
      passed.push(name);
      if (name !== point) return undefined;
      dead = true;
      server.disconnect();
      // Nothing of a killed process runs on: this step is never left, and its watch is gone.
      void first.dispatcher.close();
      return new Promise(() => undefined);
    },
    reporter: recordingReporter((said) => server.hear(first.dispatcher, said)),
  });
  server.connect(first.dispatcher);
  await first.settle();
  await story(server, world, () => first.settle());

  await using second = agent({
    clock,
    world,
    epoch: 2,
    reporter: recordingReporter((said) => server.hear(second.dispatcher, said)),
  });
  server.connect(second.dispatcher);
  for (let round = 0; round < 4; round += 1) {
    await server.exchange();
    server.offer();
    await second.settle();
    const workload = world.get('r1');
    if (workload !== undefined && workload.phase !== 'ended' && server.rows.get('r1')?.want === 'run')
      world.finish('r1');
    await second.settle();
  }
  return { passed, server, world };
}

describe.each(FAULT_POINTS)('an agent that dies at %s', (point) => {
  it('leaves nothing lost and nothing doubled behind', async () => {
    const { server, world } = await killedAt(point, success);
    expect(world.created('r1')).toBe(1);
    expect(server.rows.get('r1')?.end).toBe('succeeded');
  });

  it('does not lose a cancel', async () => {
    for (const story of [cancelled, overtaken]) {
      const { server, world } = await killedAt(point, story);
      expect(world.created('r1')).toBeLessThanOrEqual(1);
      expect(server.rows.get('r1')?.end).toBe('cancelled');
      expect(world.get('r1')?.phase ?? 'ended').toBe('ended');
    }
  });
});

describe('the fault points', () => {
  it('are each passed by one of the stories, in the order of the list', async () => {
    const success1 = (await killedAt('never', success)).passed;
    const cancel1 = (await killedAt('never', cancelled)).passed;
    expect(success1).toEqual(FAULT_POINTS.filter((point) => point !== 'before_end' && point !== 'after_end'));
    expect(new Set([...success1, ...cancel1])).toEqual(new Set(FAULT_POINTS));
  });

  it('may be passed by a hook that throws, which is counted and changes nothing', async () => {
    await using a = agent({
      faultPoint: () => {
        throw new Error('a bug of the test');
      },
    });
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['accepted']);
    expect(a.events).toContain('impossible:fault_hook_threw');
  });
});
