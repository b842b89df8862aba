import { RunnerError } from '@runner/core';
import { executorError } from '@runner/executor';
import { describe, expect, it } from 'vitest';
import { agent, spec } from '../support/agent.ts';

describe('a start', () => {
  it('is answered accepted once its workload exists', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    expect(a.reporter.said).toEqual([]);
    a.world.release('submit');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted']);
    expect(a.world.created('r1')).toBe(1);
  });

  it('carries the newest sighting in its answer instead of reporting it before', async () => {
    await using a = agent({
      faultPoint: (name) => {
        if (name === 'before_accepted') a.world.run('r1');
      },
    });
    await a.start('r1');
    expect(a.reporter.said).toMatchObject([{ kind: 'accepted', created: true, observation: { phase: 'running' } }]);
  });

  it('that is repeated while in flight joins it and is answered once for each frame', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    await a.start('r1');
    await a.start('r1');
    a.world.release('submit');
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['accepted', 'adopted', 'adopted']);
    expect(a.world.calls.filter((call) => call === 'submit r1')).toHaveLength(1);
    expect(a.events.filter((event) => event === 'received:joined')).toHaveLength(2);
  });

  it('of a run whose workload stands adopts it', async () => {
    await using a = agent();
    await a.start('r1');
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['accepted', 'adopted']);
    expect(a.world.created('r1')).toBe(1);
    expect(a.dispatcher.slots().free).toBe(9);
  });

  it('of a run whose tombstone stands is answered with that outcome', async () => {
    await using a = agent({ epoch: 'none' });
    a.world.place('r1', { phase: 'ended', outcome: { result: 'failed', exitCode: 3 } });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.reporter.clear();
    await a.start('r1');
    expect(a.reporter.said).toMatchObject([
      { kind: 'accepted', created: false, observation: { phase: 'ended', outcome: { result: 'failed', exitCode: 3 } } },
    ]);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('is refused with the code of an executor that will never do it', async () => {
    await using a = agent();
    a.world.fail('submit', executorError('config_too_large', 'config has 200,000 bytes', { hint: 'make it smaller' }));
    await a.start('r1');
    expect(a.reporter.said).toMatchObject([
      {
        kind: 'refused',
        problem: { code: 'config_too_large', message: 'config has 200,000 bytes', hint: 'make it smaller' },
      },
    ]);
    expect(a.dispatcher.snapshot()).toMatchObject({ inFlight: 0, slots: { free: 10 } });
  });

  it('waits through failures for now, says so once for each change of reason, and is accepted at last', async () => {
    await using a = agent();
    const down = executorError('executor_unavailable', 'no route to the API server');
    a.world.fail('submit', down, down, executorError('executor_waiting', 'quota is used up'), down);
    await a.start('r1');
    await a.clock.advance(120_000);
    expect(a.reporter.story('r1')).toEqual([
      'waiting:executor_unavailable',
      'waiting:executor_waiting',
      'waiting:executor_unavailable',
      'accepted',
    ]);
    expect(a.world.created('r1')).toBe(1);
  });

  it('that waits holds up no other run', async () => {
    await using a = agent();
    a.world.fail('submit', executorError('executor_waiting', 'quota is used up'));
    await a.start('r1');
    await a.start('r2');
    expect(a.reporter.story('r2')).toEqual(['accepted']);
    expect(a.dispatcher.snapshot().waiting).toEqual({ executor_waiting: 1 });
  });

  it('that is repeated while it waits is told again what for', async () => {
    await using a = agent();
    a.world.fail('submit', executorError('executor_waiting', 'quota is used up'));
    await a.start('r1');
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_waiting', 'waiting:executor_waiting']);
  });

  it('tries an error that does not say whether it is for good three times', async () => {
    await using a = agent();
    const bug = new TypeError('cannot read properties of undefined');
    a.world.fail('submit', bug, bug, bug, bug);
    await a.start('r1');
    await a.clock.advance(120_000);
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_failed', 'refused:executor_failed']);
    expect(a.world.calls.filter((call) => call === 'submit r1')).toHaveLength(3);
  });

  it('gives up on an executor that hangs and tries again', async () => {
    await using a = agent({ callTimeoutMs: 5_000 });
    a.world.hold('submit');
    await a.start('r1');
    await a.clock.advance(5_000);
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_timeout']);
    a.world.release('submit');
    await a.clock.advance(60_000);
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_timeout', 'adopted']);
    expect(a.world.created('r1')).toBe(1);
  });

  it('beyond the cap waits for a slot and is never lost', async () => {
    await using a = agent({ limits: { total: 1 } });
    await a.start('r1');
    await a.start('r2');
    expect(a.reporter.story('r2')).toEqual(['waiting:no_slot']);
    expect(a.dispatcher.slots().free).toBe(0);
    a.world.finish('r1');
    await a.settle();
    expect(a.reporter.story('r2')).toEqual(['waiting:no_slot', 'accepted']);
    expect(a.world.peak).toBe(1);
  });

  it('beyond the cap of its type lets runs of other types pass', async () => {
    await using a = agent({ limits: { total: 5, types: { profiler: 1 } } });
    await a.start('r1', { pipelineType: 'profiler' });
    await a.start('r2', { pipelineType: 'profiler' });
    await a.start('r3', { pipelineType: 'metadata' });
    expect(a.reporter.story('r2')).toEqual(['waiting:no_slot']);
    expect(a.reporter.story('r3')).toEqual(['accepted']);
    expect(a.dispatcher.slots()).toEqual({ total: 5, free: 2, types: { profiler: { total: 1, free: 0 } } });
  });

  it('occupies an advertised slot from the moment it is received', async () => {
    await using a = agent({ policy: { check: () => new Promise(() => undefined) } });
    a.dispatcher.start(spec('r1'));
    expect(a.dispatcher.slots().free).toBe(9);
  });

  it('keeps its config no longer than it is in flight, and never logs it', async () => {
    await using a = agent();
    a.world.fail('submit', executorError('executor_unavailable', 'down'), new RunnerError('odd', 'refused'));
    await a.start('r1');
    await a.clock.advance(60_000);
    expect(a.dispatcher.snapshot().inFlight).toBe(0);
    expect(a.logger.text()).not.toContain('config of r1');
  });

  it('is not carried out by an instance that is not active, which is counted as impossible', async () => {
    await using a = agent({ epoch: 'standby' });
    await a.start('r1');
    expect(a.reporter.said).toEqual([]);
    expect(a.world.calls).toEqual([]);
    expect(a.events).toEqual(['impossible:start_while_inactive']);
  });

  it('survives a reporter that throws', async () => {
    await using a = agent();
    a.reporter.accepted = () => {
      throw new Error('a bug of the agent');
    };
    await a.start('r1');
    await a.start('r2');
    expect(a.world.created('r2')).toBe(1);
    expect(a.events.filter((event) => event === 'impossible:reporter_threw')).toHaveLength(2);
    expect(a.dispatcher.slots().free).toBe(8);
  });
});

describe('the policy', () => {
  const refusing = {
    check: () => ({ verdict: 'refuse', code: 'not_here', message: 'not allowed', hint: 'ask' }) as const,
  };

  it('refuses for good, with its code, before a slot is taken or anything is created', async () => {
    await using a = agent({ policy: refusing });
    await a.start('r1');
    expect(a.reporter.said).toEqual([
      { kind: 'refused', runId: 'r1', problem: { code: 'not_here', message: 'not allowed', hint: 'ask' } },
    ]);
    expect(a.world.calls).toEqual([]);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('is shown the connection, which is not handed on', async () => {
    const shown: unknown[] = [];
    await using a = agent({
      policy: {
        check: (run, connection) => {
          shown.push([run.runId, connection]);
          return { verdict: 'allow' };
        },
      },
    });
    a.dispatcher.start(spec('r1'), { type: 'Postgres', value: { password: 'secret:db' } });
    await a.settle();
    expect(shown).toEqual([['r1', { type: 'Postgres', value: { password: 'secret:db' } }]]);
  });

  it('that fails refuses, for in doubt nothing is created', async () => {
    await using a = agent({
      policy: {
        check: () => {
          throw new Error('broken rule with details that stay here');
        },
      },
    });
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['refused:policy_failed']);
    expect(JSON.stringify(a.reporter.said)).not.toContain('details');
    expect(a.logger.text()).toContain('broken rule');
  });

  it('that would refuse by now does not deny a workload that stands, and nothing is submitted for it', async () => {
    await using a = agent({ policy: refusing, epoch: 'none' });
    a.world.place('r1', { phase: 'running' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.reporter.clear();
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['adopted']);
    expect(a.world.calls).toEqual(['observe r1']);
  });

  it('refuses a start whose ended workload was discarded before it could be adopted', async () => {
    await using a = agent({ policy: refusing, epoch: 'none' });
    a.world.place('r1', { phase: 'ended' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.world.remove('r1');
    a.reporter.clear();
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['refused:not_here']);
    expect(a.world.created('r1')).toBe(1);
  });
});
