import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import { createDispatcher } from '@runner/dispatch';
import { recordingReporter } from '@runner/dispatch/testing';
import { fakeExecutor } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { spec } from '../support/agent.ts';

const RUN = '3f0c6c0e-5a52-4c55-9d4f-0d2c6f3d7a01';

function house() {
  const clock = testClock();
  const executor = fakeExecutor({ clock });
  const reporter = recordingReporter();
  const dispatcher = createDispatcher({
    executor,
    agentId: 'agent',
    limits: { total: 2 },
    reporter,
    clock,
    random: testRandom(),
    logger: recordingLogger(),
    startDeadlineSeconds: () => 600,
  });
  dispatcher.activate({ controlPlaneId: 'cp-1', epoch: 1 });
  const leave = async (): Promise<void> => {
    await dispatcher.close();
    await executor.close();
  };
  return { clock, place: executor.place, reporter, dispatcher, [Symbol.asyncDispose]: leave };
}

describe('dispatch over the working fake of the executor room', () => {
  it('counts what the next control plane has standing, although it is seen the moment it is looked for', async () => {
    await using h = house();
    h.place.port.create({ ...spec(RUN), owner: { controlPlaneId: 'cp-2', agentId: 'agent' } });
    h.dispatcher.activate({ controlPlaneId: 'cp-2', epoch: 1 });
    await h.clock.advance(1_000);
    expect(h.dispatcher.snapshot()).toMatchObject({ live: 1, slots: { free: 1 } });
  });

  it('carries a run from its start to its outcome', async () => {
    await using h = house();
    h.dispatcher.start(spec(RUN));
    await h.clock.advance(1_000);
    h.place.start(RUN);
    await h.clock.advance(1_000);
    h.place.succeed(RUN);
    await h.clock.advance(1_000);
    expect(h.reporter.story(RUN)[0]).toBe('accepted');
    expect(h.reporter.of(RUN).at(-1)).toMatchObject({ observation: { outcome: { result: 'succeeded' } } });
    expect(h.place.executions(RUN)).toBe(1);
    expect(h.dispatcher.slots().free).toBe(2);
  });

  it('adopts a workload whose creation was answered by an error', async () => {
    await using h = house();
    h.place.failSubmit({ kind: 'reply_lost' });
    h.dispatcher.start(spec(RUN));
    await h.clock.advance(60_000);
    expect(h.reporter.story(RUN).filter((what) => what === 'adopted')).toHaveLength(1);
    expect(h.place.runIds()).toEqual([RUN]);
  });

  it('ends a workload that is created late, after its cancel', async () => {
    await using h = house();
    h.place.failSubmit({ kind: 'late', afterMs: 20_000 });
    h.dispatcher.start(spec(RUN));
    await h.clock.advance(10);
    h.dispatcher.cancel(RUN, 'by a user');
    await h.clock.advance(60_000);
    expect(h.reporter.story(RUN)).toContain('cancelled');
    expect(h.place.look(RUN)).toMatchObject({ presence: 'present', phase: 'ended', outcome: { result: 'cancelled' } });
    expect(h.reporter.of(RUN).at(-1)).toMatchObject({ observation: { outcome: { result: 'cancelled' } } });
  });

  it('says unknown while the place cannot be asked or lists are old, and absent when it is sure', async () => {
    await using h = house();
    const level = [{ runId: RUN, want: 'run', accepted: true }] as const;
    h.place.away = true;
    expect(await h.dispatcher.level(level)).toMatchObject([{ presence: 'unknown' }]);
    h.place.away = false;
    h.place.freezeLists();
    expect(await h.dispatcher.level(level)).toMatchObject([{ presence: 'unknown' }]);
    h.place.thawLists();
    expect(await h.dispatcher.level(level)).toMatchObject([{ presence: 'absent' }]);
  });

  it('notices by the next list what a deaf watch has missed', async () => {
    await using h = house();
    h.dispatcher.start(spec(RUN));
    await h.clock.advance(1_000);
    h.place.deaf = true;
    h.place.start(RUN);
    h.place.succeed(RUN);
    expect(await h.dispatcher.level([{ runId: RUN, want: 'run', accepted: true }])).toMatchObject([{ phase: 'ended' }]);
    expect(h.dispatcher.slots().free).toBe(2);
  });
});
