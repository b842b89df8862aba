import { describe, expect, test } from 'vitest';
import { makeAll, makePipeline, makeService, testApi, triggerRun } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const TRIGGER = 'services/ingestionPipelines/trigger';

describe('a trigger', () => {
  test('makes a run, queues it for the runner of the service and shows it as queued', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const { status, body } = await api.admin.post(`${TRIGGER}/${pipeline.id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ code: 200, platform: 'HybridRunner' });
    const runId = String(body['runId']);
    expect((await api.admin.get(`runs/${runId}`)).body).toMatchObject({
      state: 'queued',
      runner: 'runner-a',
      trigger: 'manual',
      createdBy: 'the admin',
      deadlineSeconds: 7_200,
      attempt: 1,
    });
    expect((await api.admin.get(`${path}/pipelineStatus`)).body).toMatchObject({
      data: [{ runId, pipelineState: 'queued' }],
    });
  });

  test('of a pipeline that runs already is refused with the open run', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    expect(await api.admin.post(`${TRIGGER}/${pipeline.id}`)).toMatchObject({
      status: 409,
      body: { code: 409, errorType: 'run_in_progress', runId },
    });
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    await triggerRun(api, pipeline.id);
  });

  test('many at once make one run', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const answers = await Promise.all(Array.from({ length: 10 }, () => api.admin.post(`${TRIGGER}/${pipeline.id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  });

  test('carries the same token each time its start is read, and nothing of the connection in its config', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const start = await api.store.runBook.start(runId);
    expect(start).toEqual(await api.store.runBook.start(runId));
    expect(JSON.stringify(start?.config)).not.toContain('my-db-password');
    expect(start?.connection).toEqual({
      type: 'Postgres',
      value: expect.objectContaining({ authType: { password: 'secret:my-db-password' } }) as unknown,
    });
  });

  test('takes the deadline of the pipeline where it has one', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { workflowTimeout: 90 } });
    const runId = await triggerRun(api, pipeline.id);
    expect((await api.store.runBook.start(runId))?.deadlineSeconds).toBe(90);
  });

  test('queues for an Inactive runner', async () => {
    await using api = await testApi();
    const runner = await api.runner('runner-a', { active: false });
    const pipeline = await makePipeline(api, await makeService(api, runner));
    await triggerRun(api, pipeline.id);
  });

  test('is refused without a usable runner', async () => {
    await using api = await testApi();
    const { runner, pipeline } = await makeAll(api);
    const refused = { status: 422, body: { errorType: 'no_usable_runner' } };
    await api.store.runners.update(runner.id, { revoked: true });
    expect(await api.admin.post(`${TRIGGER}/${pipeline.id}`)).toMatchObject(refused);
    await api.store.runners.remove(runner.id);
    expect(await api.admin.post(`${TRIGGER}/${pipeline.id}`)).toMatchObject(refused);
  });

  test('on the default runner works once an agent has served it', async () => {
    await using api = await testApi();
    const { body: service } = await api.admin.post('services/databaseServices', {
      name: 'plain',
      serviceType: 'Postgres',
      connection: { config: { password: 'in-the-clear' } },
    });
    const pipeline = await makePipeline(api, service as { id: string });
    expect(await api.admin.post(`${TRIGGER}/${pipeline.id}`)).toMatchObject({
      status: 422,
      body: { errorType: 'no_usable_runner', hint: expect.stringContaining('AGENT_ID=SaaSRunner') as string },
    });
    await api.store.runners.seen('SaaSRunner', api.clock.now(), {});
    const runId = await triggerRun(api, pipeline.id);
    // Its side keeps plain text; nothing of it travels beside the config.
    expect((await api.store.runBook.start(runId))?.connection).toBeUndefined();
  });

  test('of a connection that holds a password in plain text is refused with its place', async () => {
    await using api = await testApi();
    const { service, pipeline } = await makeAll(api);
    await api.store.entities.update('databaseService', service.id, ({ json }) => ({
      json: { ...json, connection: { config: { authType: { password: 'hunter2hunter2' } } } },
      updatedBy: 'an older version',
    }));
    for (const path of [`${TRIGGER}/${pipeline.id}`, `services/ingestionPipelines/deploy/${pipeline.id}`]) {
      const answer = await api.admin.post(path);
      expect(answer).toMatchObject({
        status: 422,
        body: { errorType: 'plaintext_secret', errors: [{ pointer: '/connection/config/authType/password' }] },
      });
      expect(answer.text).not.toContain('hunter2');
    }
    expect(await api.store.runs.openOfEntity(pipeline.id)).toEqual([]);
  });

  test('of a reference that the runner’s secrets manager cannot have is refused', async () => {
    await using api = await testApi();
    const runner = await api.runner('runner-a', { secretsManager: 'managed-aws' });
    const service = await makeService(api, runner, 'w', { authType: { password: 'secret:/collate/x' } });
    const pipeline = await makePipeline(api, service);
    await triggerRun(api, pipeline.id);
    await api.store.runners.seen('runner-a', api.clock.now(), { secretsManager: 'kubernetes' });
    expect(await api.admin.post(`services/ingestionPipelines/deploy/${pipeline.id}`)).toMatchObject({
      status: 422,
      body: {
        errorType: 'secret_reference_invalid',
        errors: [{ pointer: '/connection/config/authType/password', code: 'secret_id_path' }],
      },
    });
  });

  test('of a config that no workload can be given is refused with its size', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { sourceConfig: { config: { includes: 'x'.repeat(131_064) } } });
    expect(await api.admin.post(`${TRIGGER}/${pipeline.id}`)).toMatchObject({
      status: 422,
      body: { errorType: 'config_too_large', message: expect.stringContaining('131064') as string },
    });
    expect(await api.store.runs.openOfEntity(pipeline.id)).toEqual([]);
  });

  test('of a pipeline that has no workload is refused', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { pipelineType: 'dataInsight' });
    expect(await api.admin.post(`${TRIGGER}/${pipeline.id}`)).toMatchObject({
      status: 422,
      body: { errorType: 'pipeline_type_unsupported' },
    });
  });

  test('while the store is away is answered so that one comes back', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    api.store.setAvailable(false);
    const answer = await api.admin.post(`${TRIGGER}/${pipeline.id}`);
    expect(answer).toMatchObject({ status: 503, body: { errorType: 'store_unavailable' } });
    expect(answer.headers['retry-after']).toBe('5');
  });
});

describe('a kill', () => {
  const KILL = 'services/ingestionPipelines/kill';

  test('before the start was sent ends the run at once', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    expect(await api.admin.post(`${KILL}/${pipeline.id}`)).toMatchObject({ status: 200, body: { runId } });
    expect(await runLife(api, runId).state()).toBe('cancelled');
    await api.endings.settle();
    expect((await api.admin.get(`${path}/pipelineStatus/${runId}`)).body).toMatchObject({ pipelineState: 'failed' });
  });

  test('twice, and after the end, changes nothing', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).running();
    expect((await api.admin.post(`${KILL}/${pipeline.id}`)).body).toMatchObject({ runId });
    const once = await api.store.runs.get(runId);
    expect(once?.record).toMatchObject({ state: 'cancelling', want: 'cancel' });
    expect((await api.admin.post(`${KILL}/${pipeline.id}`)).body).toMatchObject({ runId });
    expect(await api.store.runs.get(runId)).toEqual(once);
    await runLife(api, runId).ended({ exitCode: 0 });
    const ended = await api.store.runs.get(runId);
    expect(ended?.record.state).toBe('succeeded');
    expect((await api.admin.post(`${KILL}/${pipeline.id}`)).body).toEqual({
      code: 200,
      platform: 'HybridRunner',
      reason: 'no run of this pipeline is open',
    });
    expect((await api.admin.post(`runs/${runId}/kill`)).body).toMatchObject({ state: 'succeeded' });
    expect(await api.store.runs.get(runId)).toEqual(ended);
  });

  test('by force closes the run at once, and only for an administrator', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    expect((await api.user.post(`${KILL}/${pipeline.id}?force=true`)).status).toBe(403);
    expect((await api.admin.post(`${KILL}/${pipeline.id}?force=true`)).status).toBe(200);
    expect((await api.admin.get(`runs/${runId}`)).body).toMatchObject({
      state: 'failed',
      reason: 'abandoned',
      want: 'cancel',
    });
  });
});
