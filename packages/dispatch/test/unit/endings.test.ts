import type { Diagnosis } from '@runner/executor';
import { testClock } from '@runner/core/testing';
import { executorError } from '@runner/executor';
import { describe, expect, it } from 'vitest';
import { agent } from '../support/agent.ts';

const image: Diagnosis = {
  category: 'image',
  code: 'image_not_found',
  message: 'the image does not exist',
  hint: 'check the tag',
  permanent: true,
};

describe('the start deadline', () => {
  const deadline = { startDeadlineSeconds: () => 600 };

  it('announces the end, waits for its acknowledgement and then ends the run in place', async () => {
    await using a = agent(deadline);
    await a.start('r1');
    await a.clock.advance(599_000);
    expect(a.reporter.story('r1')).toEqual(['accepted']);
    await a.clock.advance(1_000);
    expect(a.reporter.story('r1')).toEqual(['accepted', 'ending:start_deadline']);
    expect(a.world.intents).toEqual([]);
    a.dispatcher.endingAcknowledged('r1');
    await a.settle();
    expect(a.world.intents).toMatchObject([{ runId: 'r1', reason: 'start_deadline' }]);
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
    expect(a.world.get('r1')).toBeDefined();
  });

  it('goes ahead without acknowledgement after a bounded wait', async () => {
    await using a = agent({ ...deadline, endingAckMs: 20_000 });
    await a.start('r1');
    await a.clock.advance(619_000);
    expect(a.world.intents).toEqual([]);
    await a.clock.advance(1_000);
    expect(a.world.get('r1')?.phase).toBe('ended');
  });

  it('says how long was waited and what for', async () => {
    await using a = agent(deadline);
    await a.start('r1');
    a.world.change('r1', {
      diagnosis: {
        category: 'scheduling',
        code: 'unschedulable',
        message: 'no node fits',
        hint: 'taints',
        permanent: false,
      },
    });
    await a.clock.advance(600_000);
    expect(a.reporter.of('r1').at(-1)).toMatchObject({
      diagnosis: {
        category: 'scheduling',
        code: 'start_deadline',
        message: 'the workload did not start within 600 s: no node fits',
        hint: 'taints',
        permanent: true,
      },
    });
  });

  it('does not run once the program has started', async () => {
    await using a = agent(deadline);
    await a.start('r1');
    await a.clock.advance(500_000);
    a.world.run('r1');
    await a.clock.advance(10_000_000);
    expect(a.world.intents).toEqual([]);
    expect(a.reporter.story('r1')).toEqual(['accepted', 'observed:running']);
  });

  it('leaves a workload alone that started while its end was announced', async () => {
    await using a = agent(deadline);
    await a.start('r1');
    await a.clock.advance(600_000);
    a.world.run('r1');
    a.dispatcher.endingAcknowledged('r1');
    await a.clock.advance(600_000);
    expect(a.world.get('r1')?.phase).toBe('running');
    expect(a.world.intents).toEqual([]);
  });

  it('pauses while the workload is suspended', async () => {
    await using a = agent(deadline);
    await a.start('r1');
    await a.clock.advance(300_000);
    a.world.change('r1', { suspended: true });
    await a.clock.advance(5_000_000);
    a.world.change('r1', { suspended: false });
    await a.clock.advance(299_000);
    expect(a.reporter.story('r1')).not.toContain('ending:start_deadline');
    await a.clock.advance(1_000);
    expect(a.reporter.story('r1')).toContain('ending:start_deadline');
  });

  it('is of the pipeline type, and counts by the clock that does not step', async () => {
    await using a = agent({ startDeadlineSeconds: (type) => (type === 'automation' ? 60 : 600) });
    await a.start('r1', { pipelineType: 'automation' });
    await a.start('r2');
    a.clock.stepWall(86_400_000);
    await a.clock.advance(60_000);
    expect(a.reporter.story('r1')).toContain('ending:start_deadline');
    expect(a.reporter.story('r2')).toEqual(['accepted']);
  });

  it('counts adopted workloads from when this process first saw them', async () => {
    await using a = agent({ ...deadline, epoch: 'none' });
    a.world.place('r1');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    await a.clock.advance(600_000);
    expect(a.reporter.story('r1').at(-1)).toBe('ending:start_deadline');
  });

  it('ends nothing while this instance is not active, and takes it up when it is', async () => {
    await using a = agent({ ...deadline, epoch: 'standby' });
    a.world.place('r1');
    await a.clock.advance(700_000);
    expect(a.world.intents).toEqual([]);
    expect(a.reporter.said).toEqual([]);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['ending:start_deadline']);
  });

  it('announces again in the next session when the session was lost before the acknowledgement', async () => {
    await using a = agent(deadline);
    await a.start('r1');
    await a.clock.advance(600_000);
    a.dispatcher.deactivate('gone');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    await a.clock.advance(1_000);
    expect(a.world.intents).toEqual([]);
    a.dispatcher.endingAcknowledged('r1');
    await a.settle();
    expect(a.reporter.story('r1').filter((what) => what === 'ending:start_deadline')).toHaveLength(2);
    expect(a.world.intents).toHaveLength(1);
  });

  it('ends through failures of the executor', async () => {
    await using a = agent({ ...deadline, endingAckMs: 1 });
    await a.start('r1');
    const down = executorError('executor_unavailable', 'down');
    a.world.fail('end', down, down, down);
    await a.clock.advance(700_000);
    expect(a.world.get('r1')?.phase).toBe('ended');
    expect(a.reporter.story('r1').filter((what) => what === 'ending:start_deadline')).toHaveLength(1);
  });

  it('leaves a run to its cancel', async () => {
    await using a = agent(deadline);
    a.world.endsAtOnce = false;
    await a.start('r1');
    a.world.hold('end');
    a.dispatcher.cancel('r1', undefined);
    await a.clock.advance(600_000);
    expect(a.reporter.story('r1')).not.toContain('ending:start_deadline');
  });

  it('beyond the longest timer of the platform is not reached too early', async () => {
    const base = testClock();
    const clock = { ...base, setTimer: (ms: number, then: () => void) => base.setTimer(Math.min(ms, 50_000), then) };
    await using a = agent({ ...deadline, clock: { ...clock, pendingTimers: 0 } });
    await a.start('r1');
    await a.clock.advance(599_000);
    expect(a.reporter.story('r1')).toEqual(['accepted']);
    await a.clock.advance(1_000);
    expect(a.reporter.story('r1')).toEqual(['accepted', 'ending:start_deadline']);
  });
});

describe('a permanent diagnosis', () => {
  it('of the image ends the run after two minutes', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.change('r1', { diagnosis: image });
    await a.clock.advance(119_000);
    expect(a.reporter.story('r1')).not.toContain('ending:permanent_failure');
    await a.clock.advance(1_000);
    expect(a.reporter.of('r1').at(-1)).toEqual({
      kind: 'ending',
      runId: 'r1',
      reason: 'permanent_failure',
      diagnosis: image,
    });
    a.dispatcher.endingAcknowledged('r1');
    await a.settle();
    expect(a.world.intents).toEqual([
      { runId: 'r1', reason: 'permanent_failure', message: 'the image does not exist', diagnosis: image },
    ]);
  });

  it('has the grace that was set for its category', async () => {
    await using a = agent({ permanentGraceMs: { secret: 5_000, default: 1_000 } });
    await a.start('r1');
    await a.start('r2');
    a.world.change('r1', { diagnosis: { ...image, category: 'secret' } });
    a.world.change('r2', { diagnosis: { ...image, category: 'admission' } });
    await a.clock.advance(1_000);
    expect(a.reporter.story('r2').at(-1)).toBe('ending:permanent_failure');
    expect(a.reporter.story('r1').at(-1)).toBe('observed:pending');
    await a.clock.advance(4_000);
    expect(a.reporter.story('r1').at(-1)).toBe('ending:permanent_failure');
  });

  it('that goes away in time ends nothing', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.change('r1', { diagnosis: image });
    await a.clock.advance(100_000);
    a.world.change('r1', { diagnosis: undefined });
    await a.clock.advance(600_000);
    expect(a.world.intents).toEqual([]);
  });

  it('keeps its time when only the sentence changes, and starts over with another code', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.change('r1', { diagnosis: image });
    await a.clock.advance(100_000);
    a.world.change('r1', { diagnosis: { ...image, message: 'still not there' } });
    await a.clock.advance(10_000);
    a.world.change('r1', { diagnosis: { ...image, code: 'image_pull_denied' } });
    await a.clock.advance(119_000);
    expect(a.reporter.story('r1')).not.toContain('ending:permanent_failure');
    await a.clock.advance(1_000);
    expect(a.reporter.story('r1')).toContain('ending:permanent_failure');
  });

  it('that is not permanent ends nothing', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.change('r1', { diagnosis: { ...image, permanent: false } });
    await a.clock.advance(6_000_000);
    expect(a.world.intents).toEqual([]);
  });
});

describe('a workload that stands half made', () => {
  const missing: Diagnosis = { ...image, category: 'configuration', code: 'config_missing' };
  const grace = { permanentGraceMs: { default: 30_000 }, startDeadlineSeconds: () => 1_800, endingAckMs: 1_000 };
  const later = executorError('executor_unavailable', 'the config cannot be made just now');

  it('is not ended for what it lacks while its submit is tried again', async () => {
    await using a = agent({ ...grace, retry: { floorMs: 10_000, capMs: 10_000 } });
    a.world.fail('submit', ...Array.from({ length: 1_000 }, () => later));
    await a.start('r1');
    a.world.place('r1', { diagnosis: missing });
    await a.clock.advance(60_000);
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_unavailable']);
    a.world.healed();
    a.world.change('r1', { diagnosis: undefined });
    await a.clock.advance(120_000);
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_unavailable', 'adopted']);
    expect(a.world.intents).toEqual([]);
  });

  it('has the whole grace once its start is answered', async () => {
    await using a = agent({ ...grace, retry: { floorMs: 10_000, capMs: 10_000 } });
    a.world.fail('submit', later, later, later, later);
    await a.start('r1');
    a.world.place('r1', { diagnosis: missing });
    while (!a.reporter.story('r1').includes('adopted')) await a.clock.advance(500);
    await a.clock.advance(29_000);
    expect(a.reporter.story('r1')).not.toContain('ending:permanent_failure');
    await a.clock.advance(1_000);
    expect(a.reporter.story('r1').at(-1)).toBe('ending:permanent_failure');
  });

  it('is left alone after a restart of the agent until the start that completes it has come', async () => {
    await using a = agent({ ...grace, epoch: 'standby' });
    a.world.place('r1', { diagnosis: missing });
    await a.clock.advance(600_000);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    await a.dispatcher.level([{ runId: 'r1', want: 'run', accepted: false }]);
    await a.clock.advance(600_000);
    expect(a.reporter.story('r1').filter((word) => word.startsWith('ending'))).toEqual([]);
    await a.start('r1');
    a.world.change('r1', { diagnosis: undefined });
    await a.clock.advance(600_000);
    expect(a.reporter.story('r1')).toContain('adopted');
    expect(a.world.intents).toEqual([]);
  });

  it('is ended after the grace when the control plane counts it as started', async () => {
    await using a = agent({ ...grace, epoch: 'standby' });
    a.world.place('r1', { diagnosis: missing });
    await a.clock.advance(600_000);
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    await a.dispatcher.level([{ runId: 'r1', want: 'run', accepted: true }]);
    await a.clock.advance(31_000);
    expect(a.world.intents).toMatchObject([{ runId: 'r1', reason: 'permanent_failure' }]);
  });

  it('is not ended for it when a start arrives while the end is announced', async () => {
    await using a = agent({ ...grace, endingAckMs: 20_000, retry: { floorMs: 60_000, capMs: 60_000 } });
    a.world.place('r1', { diagnosis: missing });
    await a.clock.advance(30_000);
    expect(a.reporter.story('r1').at(-1)).toBe('ending:permanent_failure');
    a.world.fail('submit', later);
    await a.start('r1');
    a.dispatcher.endingAcknowledged('r1');
    await a.clock.advance(20_000);
    expect(a.world.intents).toEqual([]);
  });

  it('still ends at its start deadline', async () => {
    await using a = agent({ ...grace, startDeadlineSeconds: () => 60, retry: { floorMs: 10_000, capMs: 10_000 } });
    a.world.fail('submit', ...Array.from({ length: 100 }, () => later));
    await a.start('r1');
    a.world.place('r1', { diagnosis: missing });
    await a.clock.advance(62_000);
    expect(a.world.intents).toMatchObject([{ runId: 'r1', reason: 'start_deadline' }]);
  });
});

describe('what waits', () => {
  it('is counted by category, with the longest wait, until it begins', async () => {
    await using a = agent({ startDeadlineSeconds: () => Infinity });
    await a.start('r1');
    await a.clock.advance(30_000);
    await a.start('r2');
    await a.start('r3');
    const taint = { category: 'scheduling', code: 'unschedulable', message: 'no node fits', permanent: false } as const;
    a.world.change('r1', { diagnosis: taint });
    a.world.change('r2', { diagnosis: taint });
    await a.clock.advance(5_000);
    expect(a.dispatcher.snapshot().pending).toEqual({
      scheduling: { runs: 2, longestSeconds: 35 },
      none: { runs: 1, longestSeconds: 5 },
    });
    a.world.change('r1', { phase: 'running' });
    a.world.change('r3', { phase: 'running' });
    await a.settle();
    expect(a.dispatcher.snapshot().pending).toEqual({ scheduling: { runs: 1, longestSeconds: 5 } });
  });

  it('does not count the time in which it is held back', async () => {
    await using a = agent({ startDeadlineSeconds: () => Infinity });
    await a.start('r1');
    await a.clock.advance(10_000);
    a.world.change('r1', { suspended: true });
    await a.clock.advance(60_000);
    expect(a.dispatcher.snapshot().pending).toEqual({ none: { runs: 1, longestSeconds: 10 } });
  });
});
