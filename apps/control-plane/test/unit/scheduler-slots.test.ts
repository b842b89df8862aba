import { RunnerError } from '@runner/core';
import { recordingLogger } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import { createScheduler } from '../../src/scheduler/index.ts';
import type { Scheduler, SchedulerOptions } from '../../src/scheduler/index.ts';
import type { JsonObject } from '../../src/store/ports.ts';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const newScheduler = (api: TestApi): Scheduler =>
  createScheduler({ store: api.store, trigger: api.trigger, clock: api.clock, logger: recordingLogger() });

/** A pipeline that is due each hour, deployed, on a clock that starts at a full hour. */
async function hourly(api: TestApi, airflowConfig: JsonObject = {}) {
  const all = await makeAll(api, { airflowConfig: { scheduleInterval: '0 * * * *', ...airflowConfig } });
  expect((await api.admin.post(`services/ingestionPipelines/deploy/${all.pipeline.id}`)).status).toBe(200);
  const runs = () => api.store.runs.ofEntity(all.pipeline.id, 100);
  const finish = async (): Promise<void> => {
    for (const { record } of await api.store.runs.openOfEntity(all.pipeline.id)) {
      await api.store.runs.update(record.runId, (row) => ({
        ...row.record,
        state: 'succeeded',
        writtenBy: 'runner',
        endedAt: api.clock.now(),
      }));
    }
  };
  return { ...all, runs, finish, history: () => api.store.slots.history(all.pipeline.id, 100) };
}

describe('schedules', () => {
  test('fire once at their slot, and the run says which slot it was', async () => {
    await using api = await testApi();
    const { runs, history } = await hourly(api);
    const scheduler = newScheduler(api);
    const begin = api.clock.now();
    expect(await scheduler.look()).toBe(HOUR);
    await api.clock.advance(HOUR - 1);
    await scheduler.look();
    expect(await runs()).toHaveLength(0);
    await api.clock.advance(1);
    expect(await scheduler.look()).toBe(HOUR);
    await scheduler.look();
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run).toMatchObject({ trigger: 'schedule', slot: begin + HOUR, createdBy: 'scheduler', attempt: 1 });
    expect(await history()).toEqual([{ slot: begin + HOUR, fired: run?.record.runId }]);
  });

  test('fire once when many replicas look at the same time', async () => {
    await using api = await testApi();
    const { runs } = await hourly(api);
    const replicas = Array.from({ length: 5 }, () => newScheduler(api));
    await Promise.all(replicas.map((replica) => replica.look()));
    await api.clock.advance(HOUR);
    await Promise.all(replicas.map((replica) => replica.look()));
    await Promise.all(replicas.map((replica) => replica.look()));
    expect(await runs()).toHaveLength(1);
  });

  test('skip a slot while a run is open, and record with whom', async () => {
    await using api = await testApi();
    const { runs, history, pipeline } = await hourly(api);
    const scheduler = newScheduler(api);
    await scheduler.look();
    const runId = await triggerRun(api, pipeline.id);
    await api.clock.advance(HOUR);
    await scheduler.look();
    expect(await runs()).toHaveLength(1);
    const [slot] = await history();
    expect(slot?.skipped).toContain('run_in_progress');
    expect(slot?.skipped).toContain(runId);
  });

  test('let as many runs be open as concurrency says', async () => {
    await using api = await testApi();
    const { runs } = await hourly(api, { concurrency: 2 });
    const scheduler = newScheduler(api);
    await scheduler.look();
    for (let hour = 0; hour < 3; hour += 1) {
      await api.clock.advance(HOUR);
      await scheduler.look();
    }
    expect(await runs()).toHaveLength(2);
  });

  test('do not fire while the pipeline is not deployed, switched off, paused or being deleted', async () => {
    await using api = await testApi();
    const { pipeline, runs } = await hourly(api);
    const scheduler = newScheduler(api);
    const expectNone = async (): Promise<void> => {
      await api.clock.advance(HOUR);
      await scheduler.look();
      expect(await runs()).toHaveLength(0);
    };
    await scheduler.look();
    await api.admin.post(`services/ingestionPipelines/toggleIngestion/${pipeline.id}`);
    await expectNone();
    await api.admin.post(`services/ingestionPipelines/toggleIngestion/${pipeline.id}`);
    const pause = [{ op: 'add', path: '/airflowConfig/pausePipeline', value: true }];
    expect((await api.admin.patch(`services/ingestionPipelines/${pipeline.id}`, pause)).status).toBe(200);
    await expectNone();
    await api.store.entities.update('ingestionPipeline', pipeline.id, ({ json }) => ({
      json: { ...json, airflowConfig: { scheduleInterval: '0 * * * *' }, deleted: true },
      updatedBy: 'x',
    }));
    await expectNone();
    await api.store.entities.update('ingestionPipeline', pipeline.id, ({ json }) => ({
      json: { ...json, deleted: false, deployed: false },
      updatedBy: 'x',
    }));
    await expectNone();
  });

  test('do not fire for what lies before they were switched on', async () => {
    await using api = await testApi();
    const { pipeline, runs } = await hourly(api);
    const scheduler = newScheduler(api);
    await scheduler.look();
    await api.admin.post(`services/ingestionPipelines/toggleIngestion/${pipeline.id}`);
    await api.clock.advance(HOUR + MINUTE);
    await scheduler.look();
    await api.admin.post(`services/ingestionPipelines/toggleIngestion/${pipeline.id}`);
    await scheduler.look();
    expect(await runs()).toHaveLength(0);
    await api.clock.advance(HOUR);
    await scheduler.look();
    expect(await runs()).toHaveLength(1);
  });

  test('fire a slot that a short absence has missed, and pass over what a long one has', async () => {
    await using api = await testApi();
    const { runs, history, finish } = await hourly(api);
    await newScheduler(api).look();
    await api.clock.advance(HOUR + 5 * MINUTE);
    await newScheduler(api).look();
    expect(await runs()).toHaveLength(1);
    await finish();
    await api.clock.advance(5 * HOUR + 30 * MINUTE);
    await newScheduler(api).look();
    await newScheduler(api).look();
    expect(await runs()).toHaveLength(1);
    const [missed, ...rest] = await history();
    expect(missed?.skipped).toContain('missed');
    expect(rest).toHaveLength(1);
  });

  test('with pipelineCatchup fire the newest missed slot, and only that', async () => {
    await using api = await testApi();
    const { runs } = await hourly(api, { pipelineCatchup: true });
    await newScheduler(api).look();
    await api.clock.advance(5 * HOUR + 30 * MINUTE);
    await newScheduler(api).look();
    await newScheduler(api).look();
    expect(await runs()).toHaveLength(1);
  });

  test('keep a slot that could not be fired because the store was away', async () => {
    await using api = await testApi();
    const { runs } = await hourly(api);
    const scheduler = newScheduler(api);
    await scheduler.look();
    await api.clock.advance(HOUR);
    api.store.setAvailable(false);
    await expect(scheduler.look()).rejects.toMatchObject({ code: 'store_unavailable' });
    api.store.setAvailable(true);
    await scheduler.look();
    expect(await runs()).toHaveLength(1);
  });

  test('keep a slot whose trigger may work a moment later', async () => {
    await using api = await testApi();
    const { runs, history } = await hourly(api);
    const away = new RunnerError('store_unavailable', 'the database is away', { retryable: true });
    let failures = 1;
    const trigger: SchedulerOptions['trigger'] = {
      triggerPipeline: (id, options) =>
        failures-- > 0 ? Promise.reject(away) : api.trigger.triggerPipeline(id, options),
    };
    const scheduler = createScheduler({ store: api.store, trigger, clock: api.clock, logger: recordingLogger() });
    await scheduler.look();
    await api.clock.advance(HOUR);
    const slot = api.clock.now();
    await scheduler.look();
    expect(await history()).toEqual([{ slot }]);
    await api.clock.advance(2 * MINUTE);
    await scheduler.look();
    expect(await runs()).toHaveLength(1);
    expect(await history()).toEqual([{ slot, fired: expect.any(String) as string }]);
  });

  test('fire a slot that a replica took and did not live to fire', async () => {
    await using api = await testApi();
    const { runs, pipeline, history } = await hourly(api);
    const scheduler = newScheduler(api);
    await scheduler.look();
    await api.clock.advance(HOUR);
    const slot = api.clock.now();
    expect(await api.store.slots.take(pipeline.id, slot)).toBe(true);
    await scheduler.look();
    expect(await runs()).toHaveLength(0);
    await api.clock.advance(2 * MINUTE);
    await scheduler.look();
    const [run] = await runs();
    expect(run).toMatchObject({ slot });
    expect(await history()).toEqual([{ slot, fired: run?.record.runId }]);
  });

  test('say why a slot could not be fired, and go on with the next', async () => {
    await using api = await testApi();
    const { runner, runs, history } = await hourly(api);
    const scheduler = newScheduler(api);
    await scheduler.look();
    await api.store.runners.update(runner.id, { revoked: true });
    await api.clock.advance(HOUR);
    await scheduler.look();
    expect((await history())[0]?.skipped).toContain('no_usable_runner');
    await api.store.runners.update(runner.id, { revoked: false });
    await api.clock.advance(HOUR);
    await scheduler.look();
    expect(await runs()).toHaveLength(1);
  });

  test('of an older version that cannot be read do not stop the others', async () => {
    await using api = await testApi();
    const { runs } = await hourly(api);
    const broken = { scheduleInterval: 'every now and then', startDate: 'tomorrow' };
    for (const [name, airflowConfig] of [
      ['a', { scheduleInterval: 'every now and then' }],
      ['b', broken],
    ] as const) {
      await api.store.entities.create({
        id: `00000000-0000-4000-8000-00000000000${name}`,
        kind: 'ingestionPipeline',
        name,
        fqn: name,
        updatedBy: 'x',
        json: { deployed: true, enabled: true, airflowConfig },
      });
    }
    const scheduler = newScheduler(api);
    await scheduler.look();
    await api.clock.advance(HOUR);
    await scheduler.look();
    expect(await runs()).toHaveLength(1);
  });

  test('are kept by a component that stops at once', async () => {
    await using api = await testApi();
    const { runs } = await hourly(api);
    const scheduler = newScheduler(api);
    await scheduler.start?.(new AbortController().signal);
    for (let minute = 0; minute < 61; minute += 1) await api.clock.advance(MINUTE);
    await expect.poll(async () => (await runs()).length).toBe(1);
    await scheduler.stop?.(new AbortController().signal);
    expect(api.clock.pendingTimers).toBe(0);
  });
});
