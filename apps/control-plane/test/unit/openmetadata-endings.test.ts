import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/store/ports.ts';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function statusOf(api: TestApi, path: string, runId: string): Promise<JsonObject> {
  return (await api.admin.get(`${path}/pipelineStatus/${runId}`)).body;
}

describe('a run that ends', () => {
  test('without a word of its workload gets its status from what was seen', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const run = runLife(api, runId);
    await run.accepted();
    await run.running();
    const main = await api.workload(runId);
    await main.put(`${path}/pipelineStatus`, { runId, pipelineState: 'running', startDate: 42, timestamp: 43 });
    await api.clock.advance(MINUTE);
    await run.ended({ exitCode: 1, logTail: 'Traceback' });
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({
      runId,
      pipelineState: 'failed',
      startDate: 42,
      timestamp: 43,
      endDate: api.clock.now(),
      status: [{ failures: [{ name: 'program_failed', stackTrace: 'Traceback' }] }],
    });
    expect(await api.store.runs.unsettled(10)).toEqual([]);
  });

  test('with exit 0 and no status of its own has succeeded', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({ pipelineState: 'success' });
  });

  test('after its workload reported keeps that report, whatever the exit code', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    const main = await api.workload(runId);
    await main.put(`${path}/pipelineStatus`, { runId, pipelineState: 'partialSuccess', endDate: 9 });
    await runLife(api, runId).ended({ exitCode: 1 });
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({ pipelineState: 'partialSuccess', endDate: 9 });
    expect((await api.admin.get(`runs/${runId}`)).body).toMatchObject({
      state: 'partiallySucceeded',
      writtenBy: 'main',
      outcome: { exitCode: 1 },
    });
  });

  test('follows its workload’s report even when only the status could be written', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await api.store.statuses.update(pipeline.fullyQualifiedName, runId, () => ({
      status: { runId, pipelineState: 'success', timestamp: 1 },
      writtenBy: 'main',
    }));
    await runLife(api, runId).ended({ exitCode: 1 });
    await api.endings.settle();
    await api.endings.settle();
    expect(await runLife(api, runId).state()).toBe('succeeded');
    expect(await statusOf(api, path, runId)).toMatchObject({ pipelineState: 'success' });
    expect(await api.store.runs.unsettled(10)).toEqual([]);
  });

  test('refused by the runner says so in its status', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).refused('policy_refused', 'This runner takes no pipelines of this type.');
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({
      pipelineState: 'failed',
      status: [{ failures: [{ name: 'policy_refused', error: 'This runner takes no pipelines of this type.' }] }],
    });
  });

  test('as lost and is found again has its status corrected', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const run = runLife(api, runId);
    await run.accepted();
    await run.gone();
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({
      pipelineState: 'failed',
      status: [{ failures: [{ name: 'lost' }] }],
    });
    await api.clock.advance(HOUR);
    await run.ended({ exitCode: 0 });
    expect(await run.state()).toBe('succeeded');
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({ pipelineState: 'success', status: [] });
  });

  test('is settled although another one cannot be, and that one is said once', async () => {
    await using api = await testApi();
    const { pipeline, service, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    const { body } = await api.admin.post('services/ingestionPipelines', {
      name: 'broken',
      pipelineType: 'metadata',
      sourceConfig: {},
      airflowConfig: {},
      service: { id: service.id, type: 'databaseService' },
    });
    const brokenRun = await triggerRun(api, String(body['id']));
    await runLife(api, brokenRun).accepted();
    await runLife(api, brokenRun).ended({ exitCode: 0 });
    const update = api.store.statuses.update.bind(api.store.statuses);
    api.store.statuses.update = async (fqn, id, change) => {
      if (id === brokenRun) throw new Error('a row that cannot be written');
      return update(fqn, id, change);
    };
    await api.endings.settle();
    await api.endings.settle();
    expect(await statusOf(api, path, runId)).toMatchObject({ pipelineState: 'success' });
    expect(api.log.records.filter(({ level }) => level === 'error')).toHaveLength(1);
    api.store.statuses.update = update;
    await api.endings.settle();
    expect(await api.store.runs.unsettled(10)).toEqual([]);
  });

  test('that nobody knows, because it was adopted, is settled without a status', async () => {
    await using api = await testApi();
    await api.store.runBook.update('00000000-0000-4000-8000-000000000001', () => ({
      runId: '00000000-0000-4000-8000-000000000001',
      agentId: 'runner-a',
      state: 'succeeded',
      want: 'run',
      offered: true,
      accepted: true,
      writtenBy: 'runner',
      priority: 0,
      pipelineType: 'metadata',
      queuedAt: 1,
      endedAt: 2,
      deadlineSeconds: 60,
    }));
    await api.endings.settle();
    expect(await api.store.runs.unsettled(10)).toEqual([]);
  });
});

describe('retries', () => {
  const failOnce = async (api: TestApi, runId: string): Promise<void> => {
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 1 });
    await api.endings.settle();
  };

  test('are runs of their own, after their delay and no more than was asked for', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { retries: 2, retryDelay: 60 } });
    const first = await triggerRun(api, pipeline.id);
    await failOnce(api, first);
    await api.clock.advance(59_000);
    await api.endings.settle();
    expect(await api.store.runs.openOfEntity(pipeline.id)).toEqual([]);
    await api.clock.advance(1_000);
    await api.endings.settle();
    const [second] = await api.store.runs.openOfEntity(pipeline.id);
    expect(second).toMatchObject({ trigger: 'retry', retryOf: first, attempt: 2, createdBy: 'the admin' });
    await failOnce(api, second?.record.runId ?? '');
    await api.clock.advance(MINUTE);
    await api.endings.settle();
    const [third] = await api.store.runs.openOfEntity(pipeline.id);
    expect(third).toMatchObject({ attempt: 3, retryOf: second?.record.runId });
    await failOnce(api, third?.record.runId ?? '');
    await api.clock.advance(HOUR);
    await api.endings.settle();
    expect(await api.store.runs.openOfEntity(pipeline.id)).toEqual([]);
    expect(await api.store.runs.unsettled(10)).toEqual([]);
  });

  test('are made once when many replicas settle at the same time', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { retries: 1, retryDelay: 0, concurrency: 5 } });
    const first = await triggerRun(api, pipeline.id);
    await runLife(api, first).accepted();
    await runLife(api, first).ended({ exitCode: 1 });
    await Promise.all([api.endings.settle(), api.endings.settle(), api.endings.settle()]);
    expect(await api.store.runs.ofEntity(pipeline.id, 10)).toHaveLength(2);
  });

  test('do not follow a success, a cancel, a refusal or an absent runner', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { retries: 3, retryDelay: 0 } });
    const expectNoRetry = async (): Promise<void> => {
      await api.endings.settle();
      await api.endings.tick();
      await api.endings.settle();
      expect(await api.store.runs.openOfEntity(pipeline.id)).toEqual([]);
    };
    const good = await triggerRun(api, pipeline.id);
    await runLife(api, good).accepted();
    await runLife(api, good).ended({ exitCode: 0 });
    await expectNoRetry();
    await triggerRun(api, pipeline.id);
    await api.trigger.kill(pipeline.id);
    await expectNoRetry();
    await runLife(api, await triggerRun(api, pipeline.id)).refused('policy_refused', 'no');
    await expectNoRetry();
    await triggerRun(api, pipeline.id);
    await api.clock.advance(HOUR);
    await expectNoRetry();
  });

  test('are given up when the pipeline runs again already', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { retries: 1, retryDelay: 60 } });
    await failOnce(api, await triggerRun(api, pipeline.id));
    const again = await triggerRun(api, pipeline.id);
    await api.clock.advance(MINUTE);
    await api.endings.settle();
    expect((await api.store.runs.openOfEntity(pipeline.id)).map(({ record }) => record.runId)).toEqual([again]);
    expect(await api.store.runs.unsettled(10)).toEqual([]);
    expect(api.log.text()).toContain('gets no further attempt');
  });
});

describe('the clocks of open runs', () => {
  test('fail a run that no runner took within the hour', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await api.clock.advance(HOUR - 1);
    await api.endings.tick();
    expect(await runLife(api, runId).state()).toBe('queued');
    await api.clock.advance(1);
    await api.endings.tick();
    await api.endings.settle();
    expect((await api.admin.get(`runs/${runId}`)).body).toMatchObject({
      state: 'failed',
      reason: 'runner_unavailable',
    });
    expect(await statusOf(api, path, runId)).toMatchObject({ pipelineState: 'failed' });
  });

  test('give up a run whose agent is silent past its deadline, but not one whose agent is heard', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).running();
    await api.clock.advance(7_200_000 + 15 * MINUTE + 1);
    await api.store.runners.seen('runner-a', api.clock.now());
    await api.endings.tick();
    expect(await runLife(api, runId).state()).toBe('running');
    await api.clock.advance(10 * MINUTE);
    await api.endings.tick();
    expect((await api.admin.get(`runs/${runId}`)).body).toMatchObject({ state: 'failed', reason: 'abandoned' });
    await runLife(api, runId).ended({ exitCode: 0 });
    expect(await runLife(api, runId).state()).toBe('succeeded');
  });

  test('are read, and endings settled, by a component that stops at once', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    await triggerRun(api, pipeline.id);
    await api.endings.start?.(new AbortController().signal);
    for (let minute = 0; minute < 62; minute += 1) await api.clock.advance(MINUTE);
    await expect.poll(() => api.store.runs.openOfEntity(pipeline.id)).toEqual([]);
    await api.endings.stop?.(new AbortController().signal);
    expect(api.clock.pendingTimers).toBe(0);
  });

  test('say once that the store is away, and go on when it is back', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    api.store.setAvailable(false);
    await api.endings.start?.(new AbortController().signal);
    for (let second = 0; second < 10; second += 1) await api.clock.advance(1_000);
    const complaints = (): number =>
      api.log.records.filter(({ message }) => message === 'ended runs are not settled').length;
    expect(complaints()).toBe(1);
    api.store.setAvailable(true);
    for (let second = 0; second < 3; second += 1) await api.clock.advance(1_000);
    await expect.poll(() => api.store.runs.unsettled(10)).toEqual([]);
    expect(complaints()).toBe(1);
    await api.endings.stop?.(new AbortController().signal);
  });
});

describe('a pipeline that is deleted', () => {
  test('while it runs is cancelled first, and goes with everything of it when the run has ended', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).running();
    expect(await api.admin.delete(`services/ingestionPipelines/${pipeline.id}?hardDelete=true`)).toMatchObject({
      status: 200,
      body: { deleted: true },
    });
    expect((await api.store.runs.get(runId))?.record).toMatchObject({ want: 'cancel', state: 'cancelling' });
    await api.endings.tick();
    expect((await api.admin.get(`services/ingestionPipelines/${pipeline.id}`)).body).toMatchObject({ deleted: true });
    expect((await api.admin.post(`services/ingestionPipelines/trigger/${pipeline.id}`)).status).toBe(404);
    await runLife(api, runId).ended({ exitCode: 143, result: 'cancelled' });
    await api.endings.settle();
    await api.endings.tick();
    expect((await api.admin.get(`services/ingestionPipelines/${pipeline.id}`)).status).toBe(404);
    expect(await api.store.runs.get(runId)).toBeUndefined();
    expect(await api.store.statuses.list(pipeline.fullyQualifiedName, { limit: 5 })).toEqual([]);
    expect((await api.admin.get(`${path}/pipelineStatus`)).status).toBe(404);
  });

  test('by force does not wait for its runner', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    const forced = `services/ingestionPipelines/${pipeline.id}?hardDelete=true&force=true`;
    expect((await api.user.delete(forced)).status).toBe(403);
    expect((await api.admin.delete(`services/ingestionPipelines/${pipeline.id}?force=true`)).status).toBe(400);
    const answer = await api.admin.delete(forced);
    expect(answer.status).toBe(200);
    expect(answer.headers['x-openmetadata-runner-cleanup']).toBe('skipped-unavailable');
    expect((await api.admin.get(`services/ingestionPipelines/${pipeline.id}`)).status).toBe(404);
  });
});
