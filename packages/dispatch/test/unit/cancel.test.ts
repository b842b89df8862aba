import { executorError } from '@runner/executor';
import { describe, expect, it } from 'vitest';
import { agent, spec } from '../support/agent.ts';

describe('a cancel', () => {
  it('that overtakes its start wins: the start is answered cancelled and nothing is created', async () => {
    await using a = agent();
    a.dispatcher.cancel('r1', 'by a user');
    await a.settle();
    await a.start('r1');
    expect(a.reporter.story('r1')).toEqual(['cancelled', 'cancelled']);
    expect(a.world.created('r1')).toBe(0);
    expect(a.dispatcher.slots().free).toBe(10);
  });

  it('while the policy is asked stops the start there', async () => {
    let allow: (() => void) | undefined;
    await using a = agent({
      policy: { check: () => new Promise((resolve) => (allow = () => resolve({ verdict: 'allow' }))) },
    });
    await a.start('r1');
    a.dispatcher.cancel('r1', undefined);
    allow?.();
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['cancelled']);
    expect(a.world.created('r1')).toBe(0);
  });

  it('of a start that waits for a slot takes it out of the line', async () => {
    await using a = agent({ limits: { total: 1 } });
    await a.start('r1');
    await a.start('r2');
    a.dispatcher.cancel('r2', undefined);
    await a.settle();
    expect(a.reporter.story('r2')).toEqual(['waiting:no_slot', 'cancelled']);
    a.world.finish('r1');
    await a.settle();
    expect(a.world.created('r2')).toBe(0);
  });

  it('of a start that waits for the executor ends the wait at once', async () => {
    await using a = agent();
    a.world.fail('submit', executorError('executor_waiting', 'quota is used up'));
    await a.start('r1');
    a.dispatcher.cancel('r1', undefined);
    await a.settle();
    expect(a.reporter.story('r1')).toEqual(['waiting:executor_waiting', 'cancelled']);
  });

  it('of a run that is being submitted lets the submit finish and then ends the workload', async () => {
    await using a = agent();
    a.world.hold('submit');
    await a.start('r1');
    a.dispatcher.cancel('r1', 'by a user');
    await a.settle();
    expect(a.reporter.said).toEqual([]);
    a.world.release('submit');
    await a.settle();
    expect(a.reporter.story('r1')[0]).toBe('accepted');
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
    expect(a.world.intents).toEqual([{ runId: 'r1', reason: 'cancelled', message: 'by a user' }]);
  });

  it('ends the workload in place and says what is seen then, never cancelled', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.run('r1');
    a.world.endsAtOnce = false;
    a.dispatcher.cancel('r1', 'by a user');
    await a.settle();
    a.world.change('r1', { phase: 'ended', outcome: { result: 'cancelled' } });
    await a.settle();
    const story = a.reporter.story('r1');
    expect(story).toContain('observed:ending');
    expect(story.at(-1)).toBe('observed:ended');
    expect(story).not.toContain('cancelled');
  });

  it('after the success of its run leaves the outcome and reports it again', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.finish('r1', 'succeeded');
    await a.settle();
    a.reporter.clear();
    a.dispatcher.cancel('r1', undefined);
    await a.settle();
    expect(a.reporter.said).toMatchObject([{ kind: 'observed', observation: { outcome: { result: 'succeeded' } } }]);
  });

  it('is repeated by levels without harm while the workload is ending', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.endsAtOnce = false;
    a.dispatcher.cancel('r1', undefined);
    for (let level = 0; level < 3; level += 1) {
      await a.dispatcher.level([{ runId: 'r1', want: 'cancel', accepted: true }]);
      await a.settle();
    }
    expect(a.world.get('r1')?.phase).toBe('ending');
    expect(a.reporter.story('r1')).not.toContain('cancelled');
    a.world.finish('r1', 'cancelled');
    await a.settle();
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
  });

  it('of a workload that an earlier process created ends it, although this one was never told of it', async () => {
    await using a = agent({ epoch: 'none' });
    a.world.place('r1', { phase: 'running' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.dispatcher.cancel('r1', undefined);
    await a.settle();
    expect(a.world.get('r1')?.phase).toBe('ended');
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
  });

  it('with a start behind it still ends a workload that stood already', async () => {
    await using a = agent({ epoch: 'none' });
    a.world.place('r1', { phase: 'running' });
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
    a.dispatcher.cancel('r1', undefined);
    a.dispatcher.start(spec('r1'));
    await a.settle();
    expect(a.world.get('r1')).toMatchObject({ phase: 'ended', outcome: { result: 'cancelled' } });
    expect(a.reporter.story('r1')).not.toContain('cancelled');
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
  });

  it('is carried through failures of the executor', async () => {
    await using a = agent();
    await a.start('r1');
    const down = executorError('executor_unavailable', 'down');
    a.world.fail('end', down, down, down);
    a.dispatcher.cancel('r1', undefined);
    await a.clock.advance(120_000);
    expect(a.reporter.story('r1').at(-1)).toBe('observed:ended');
  });

  it('does not say cancelled while it cannot look', async () => {
    await using a = agent();
    a.world.fail('observe', ...Array.from({ length: 50 }, () => executorError('executor_unavailable', 'down')));
    a.dispatcher.cancel('r1', undefined);
    await a.clock.advance(20_000);
    expect(a.reporter.said).toEqual([]);
  });

  it('does not say cancelled while a submit that was given up on may still create something', async () => {
    await using a = agent({ callTimeoutMs: 30_000 });
    a.world.hold('submit');
    await a.start('r1');
    a.dispatcher.deactivate('the session is lost');
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    a.dispatcher.cancel('r1', undefined);
    await a.clock.advance(1_000);
    expect(a.reporter.story('r1')).toEqual([]);
    a.world.release('submit');
    await a.settle();
    expect(a.world.get('r1')).toMatchObject({ phase: 'ended', outcome: { result: 'cancelled' } });
    expect(a.reporter.story('r1')).not.toContain('cancelled');
  });

  it('is remembered: a workload that appears afterwards is ended when the watch sees it', async () => {
    await using a = agent();
    a.dispatcher.cancel('r1', undefined);
    await a.settle();
    a.world.place('r1', { phase: 'running' });
    await a.settle();
    expect(a.world.get('r1')?.phase).toBe('ended');
  });

  it('is forgotten with its session', async () => {
    await using a = agent();
    a.dispatcher.cancel('r1', undefined);
    await a.settle();
    a.dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 2 });
    expect(a.dispatcher.snapshot().remembered.cancels).toBe(0);
    await a.start('r1');
    expect(a.reporter.story('r1').at(-1)).toBe('accepted');
  });

  it('is given up with a log line when the executor refuses for good, and taken up by the next level', async () => {
    await using a = agent();
    await a.start('r1');
    a.world.fail('end', executorError('invalid_spec', 'will not do that'));
    a.dispatcher.cancel('r1', undefined);
    await a.settle();
    expect(a.logger.text()).toContain('will not end this run');
    await a.dispatcher.level([{ runId: 'r1', want: 'cancel', accepted: true }]);
    await a.settle();
    expect(a.world.get('r1')?.phase).toBe('ended');
  });
});
