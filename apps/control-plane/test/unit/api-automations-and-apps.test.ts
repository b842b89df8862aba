import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/store/ports.ts';
import { makeAll, makeService, testApi } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const BASE = 'automations/workflows';

const request = (part: JsonObject = {}): JsonObject => ({
  connection: { config: { type: 'Postgres', authType: { password: 'secret:pw' } } },
  serviceType: 'Database',
  connectionType: 'Postgres',
  ingestionRunner: 'runner-a',
  ...part,
});

async function makeWorkflow(api: TestApi, part: JsonObject = {}): Promise<JsonObject & { id: string; name: string }> {
  const { body, status } = await api.user.post(BASE, {
    name: 'test-connection-1',
    workflowType: 'TEST_CONNECTION',
    request: request(part),
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body as JsonObject & { id: string; name: string };
}

async function triggered(api: TestApi, id: string): Promise<string> {
  const { body, status } = await api.user.post(`${BASE}/trigger/${id}`);
  expect({ status, body }).toMatchObject({ status: 200 });
  return String(body['runId']);
}

describe('a test connection', () => {
  test('is made, run on its runner, reported by its workload and read', async () => {
    await using api = await testApi();
    await api.runner();
    const workflow = await makeWorkflow(api);
    expect(workflow).toMatchObject({ status: 'Pending', request: { ingestionRunner: 'runner-a' } });
    const runId = await triggered(api, workflow.id);
    const start = await api.store.runBook.start(runId);
    expect(start).toMatchObject({
      kind: 'automation',
      pipelineType: 'automation',
      name: 'test-connection-1',
      deadlineSeconds: 600,
      priority: 100,
      config: {
        id: workflow.id,
        name: 'test-connection-1',
        openMetadataServerConnection: {
          hostPort: 'http://cp.test/api',
          securityConfig: { jwtToken: expect.any(String) as string },
        },
      },
      connection: { type: 'Postgres', value: { authType: { password: 'secret:pw' } } },
    });
    const main = await api.workload(runId);
    expect((await main.get(`${BASE}/name/test-connection-1`)).body).toMatchObject({ id: workflow.id });
    expect((await main.get('services/testConnectionDefinitions/name/Postgres.testConnectionDefinition')).status).toBe(
      200,
    );
    const steps = [{ name: 'CheckAccess', mandatory: true, passed: true }];
    const patch = (status: string, result: JsonObject) =>
      main.patch(`${BASE}/${workflow.id}`, [
        { op: 'add', path: '/response', value: result },
        { op: 'add', path: '/status', value: status },
      ]);
    expect((await patch('Running', { status: 'Running', steps: [] })).status).toBe(200);
    expect((await patch('Successful', { status: 'Successful', steps })).status).toBe(200);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    await api.endings.settle();
    expect((await api.user.get(`${BASE}/${workflow.id}`)).body).toMatchObject({
      status: 'Successful',
      response: { status: 'Successful', steps },
    });
  });

  test('that ends without a report becomes Failed with the reason', async () => {
    await using api = await testApi();
    await api.runner();
    const workflow = await makeWorkflow(api);
    const runId = await triggered(api, workflow.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 1, logTail: 'Traceback' });
    await api.endings.settle();
    expect((await api.user.get(`${BASE}/${workflow.id}`)).body).toMatchObject({
      status: 'Failed',
      response: {
        status: 'Failed',
        lastUpdatedAt: api.clock.now(),
        steps: [{ passed: false, message: 'The program ended with exit code 1.', errorLog: 'Traceback' }],
      },
    });
  });

  test('that exits 0 while it still says Running has failed, and keeps the steps it did', async () => {
    await using api = await testApi();
    await api.runner();
    const workflow = await makeWorkflow(api);
    const runId = await triggered(api, workflow.id);
    const steps = [{ name: 'CheckAccess', mandatory: true, passed: true }];
    const main = await api.workload(runId);
    await main.patch(`${BASE}/${workflow.id}`, [
      { op: 'add', path: '/response', value: { status: 'Running', steps } },
      { op: 'add', path: '/status', value: 'Running' },
    ]);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    await api.endings.settle();
    const { body } = await api.user.get(`${BASE}/${workflow.id}`);
    expect(body).toMatchObject({ status: 'Failed', response: { steps: [...steps, { passed: false }] } });
    expect((body['response'] as { steps: unknown[] }).steps).toHaveLength(2);
  });

  test('on an Inactive runner fails at once, and says so to whoever polls it', async () => {
    await using api = await testApi();
    await api.runner('runner-a', { active: false });
    const workflow = await makeWorkflow(api);
    expect(await api.user.post(`${BASE}/trigger/${workflow.id}`)).toMatchObject({
      status: 422,
      body: { errorType: 'runner_inactive', message: 'The ingestion runner runner-a is Inactive' },
    });
    expect((await api.user.get(`${BASE}/${workflow.id}`)).body).toMatchObject({
      status: 'Failed',
      response: { steps: [{ message: expect.stringContaining('runner-a is Inactive') as string }] },
    });
    expect(await api.store.runs.openOfEntity(workflow.id)).toEqual([]);
  });

  test('whose runner goes away before it was taken fails within half a minute', async () => {
    await using api = await testApi();
    await api.runner();
    const workflow = await makeWorkflow(api);
    await triggered(api, workflow.id);
    await api.clock.advance(29_000);
    await api.endings.tick();
    expect(await api.store.runs.openOfEntity(workflow.id)).toHaveLength(1);
    await api.clock.advance(60_000);
    await api.endings.tick();
    await api.endings.settle();
    expect((await api.user.get(`${BASE}/${workflow.id}`)).body).toMatchObject({ status: 'Failed' });
  });

  test('triggered again forgets the answer of the time before', async () => {
    await using api = await testApi();
    await api.runner();
    const workflow = await makeWorkflow(api);
    const first = await triggered(api, workflow.id);
    expect((await api.user.post(`${BASE}/trigger/${workflow.id}`)).body).toMatchObject({
      errorType: 'run_in_progress',
      runId: first,
    });
    await runLife(api, first).accepted();
    await runLife(api, first).ended({ exitCode: 1 });
    await api.endings.settle();
    await triggered(api, workflow.id);
    const { body } = await api.user.get(`${BASE}/${workflow.id}`);
    expect(body).toMatchObject({ status: 'Pending' });
    expect(body['response']).toBeUndefined();
  });

  test('triggered again before the end of the time before was settled is not answered by it', async () => {
    await using api = await testApi();
    await api.runner();
    const workflow = await makeWorkflow(api);
    const first = await triggered(api, workflow.id);
    await runLife(api, first).accepted();
    await runLife(api, first).ended({ exitCode: 1 });
    await triggered(api, workflow.id);
    await api.endings.settle();
    expect((await api.user.get(`${BASE}/${workflow.id}`)).body).toMatchObject({ status: 'Pending' });
    expect(await api.store.runs.unsettled(5)).toEqual([]);
  });

  test('takes masked values from the service it tests', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const service = await makeService(api, runner);
    const rest = request({
      ingestionRunner: null,
      serviceName: 'warehouse',
      connection: { config: { type: 'Postgres', hostPort: 'db:5433', authType: { password: '*********' } } },
    });
    const { body, status } = await api.user.post(BASE, { name: 't', workflowType: 'TEST_CONNECTION', request: rest });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: {
        request: {
          ingestionRunner: 'runner-a',
          connection: { config: { authType: { password: 'secret:my-db-password' } } },
        },
      },
    });
    const runId = await triggered(api, String(body['id']));
    const main = await api.workload(runId);
    expect((await main.get('services/databaseServices/name/warehouse')).status).toBe(200);
    expect(service.id).toBeDefined();
  });

  test('with plain text for a hybrid runner is refused, when it is made and when it is run', async () => {
    await using api = await testApi();
    await api.runner();
    const connection = { config: { authType: { password: 'hunter2hunter2' } } };
    const body = { name: 't', workflowType: 'TEST_CONNECTION', request: request({ connection }) };
    const answer = await api.user.post(BASE, body);
    expect(answer).toMatchObject({
      status: 422,
      body: { errorType: 'plaintext_secret', errors: [{ pointer: '/request/connection/config/authType/password' }] },
    });
    expect(answer.text).not.toContain('hunter2');
    const workflow = await makeWorkflow(api);
    await api.store.entities.update('automationWorkflow', workflow.id, ({ json }) => ({
      json: { ...json, request: request({ connection }) },
      updatedBy: 'x',
    }));
    expect(await api.user.post(`${BASE}/trigger/${workflow.id}`)).toMatchObject({ status: 422 });
    expect((await api.user.get(`${BASE}/${workflow.id}`)).text).not.toContain('hunter2');
  });

  test('for a runner that is not there is refused', async () => {
    await using api = await testApi();
    const body = { name: 't', workflowType: 'TEST_CONNECTION', request: request({ ingestionRunner: 'nobody' }) };
    expect(await api.user.post(BASE, body)).toMatchObject({ status: 422, body: { errorType: 'runner_not_found' } });
  });

  test('can only be patched where its result stands, with a status there is', async () => {
    await using api = await testApi();
    await api.runner();
    const { id } = await makeWorkflow(api);
    for (const patch of [
      [{ op: 'replace', path: '/request/connection', value: {} }],
      [{ op: 'replace', path: '/name', value: 'x' }],
      [{ op: 'replace', path: '', value: {} }],
      [{ op: 'add', path: '/status', value: 'Splendid' }],
      [{ op: 'add', path: '/responseOfSomebody', value: 1 }],
    ]) {
      expect(await api.user.patch(`${BASE}/${id}`, patch)).toMatchObject({
        status: 400,
        body: { errorType: 'patch_invalid' },
      });
    }
  });

  test('is deleted, after its run was cancelled', async () => {
    await using api = await testApi();
    await api.runner();
    const { id } = await makeWorkflow(api);
    const runId = await triggered(api, id);
    await runLife(api, runId).accepted();
    expect((await api.user.delete(`${BASE}/${id}?hardDelete=true`)).body).toMatchObject({ deleted: true });
    expect((await api.store.runs.get(runId))?.record.want).toBe('cancel');
    await runLife(api, runId).ended({ exitCode: 143, result: 'cancelled' });
    await api.endings.settle();
    await api.endings.tick();
    expect((await api.user.get(`${BASE}/${id}`)).status).toBe(404);
  });
});

describe('an application', () => {
  test('with a pipeline runs as that pipeline, with what the trigger overrides', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const { body: pipeline } = await api.user.post('services/ingestionPipelines', {
      name: 'AutomatorApp',
      pipelineType: 'application',
      sourceConfig: { config: { sourcePythonClass: 'a.B', appConfig: { x: 1 } } },
      airflowConfig: {},
      ingestionRunner: { id: runner.id },
    });
    const { status } = await api.user.post('apps', { name: 'Automator', pipelines: [{ id: pipeline['id'] }] });
    expect(status).toBe(201);
    const { body } = await api.user.post('apps/trigger/Automator', { y: 2 });
    const start = await api.store.runBook.start(String(body['runId']));
    expect((await (await api.workload(String(body['runId']))).get('apps/name/Automator')).status).toBe(200);
    expect(start).toMatchObject({
      kind: 'application',
      fqn: 'AutomatorApp',
      config: { sourcePythonClass: 'a.B', appConfig: { x: 1, y: 2 }, ingestionRunnerName: 'runner-a' },
    });
  });

  test('without one runs by itself', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const app = { name: 'Solo', appConfiguration: { x: 1 }, ingestionRunner: { id: runner.id } };
    await api.user.post('apps', app);
    const { body } = await api.user.post('apps/trigger/Solo');
    const runId = String(body['runId']);
    expect(await api.store.runBook.start(runId)).toMatchObject({
      kind: 'application',
      name: 'Solo',
      config: { appConfig: { x: 1 } },
    });
    expect((await (await api.workload(runId)).get('apps/name/Solo')).status).toBe(200);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 0 });
    await api.endings.settle();
    expect(await api.store.runs.unsettled(5)).toEqual([]);
    expect((await api.user.post('apps/trigger/Nobody')).status).toBe(404);
  });

  test('is installed, changed, listed and uninstalled; its credentials are references', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const secretive = { name: 'A', appConfiguration: { apiKey: 'hunter2hunter2' }, ingestionRunner: { id: runner.id } };
    expect(await api.user.post('apps', secretive)).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/appConfiguration/apiKey' }] },
    });
    const { body: made } = await api.user.put('apps', { ...secretive, appConfiguration: { apiKey: 'secret:k' } });
    const { body: changed, status } = await api.user.put('apps', { name: 'A', appConfiguration: { apiKey: '***' } });
    expect({ status, changed }).toMatchObject({
      status: 200,
      changed: { id: made['id'], appConfiguration: { apiKey: 'secret:k' } },
    });
    expect((await api.user.get('apps')).body).toMatchObject({ paging: { total: 1 } });
    expect((await api.user.get(`apps/${String(made['id'])}`)).body).toEqual(changed);
    expect((await api.user.delete(`apps/${String(made['id'])}`)).status).toBe(200);
    expect((await api.user.get('apps/name/A')).status).toBe(404);
  });
});

test('runs are listed: the open ones of everything, and all of one entity', async () => {
  await using api = await testApi();
  const { pipeline } = await makeAll(api);
  const { body } = await api.user.post(`services/ingestionPipelines/trigger/${pipeline.id}`);
  const runId = String(body['runId']);
  expect((await api.bot.get('runs')).body).toMatchObject({ data: [{ runId, entityFqn: 'warehouse.metadata' }] });
  await api.user.post(`runs/${runId}/kill`);
  expect((await api.bot.get('runs')).body).toEqual({ data: [] });
  const all = await api.bot.get(`runs?entityId=${pipeline.id}`);
  expect(all.body).toMatchObject({ data: [{ runId, state: 'cancelled' }] });
  expect(all.text).not.toContain('jwtToken');
  expect((await api.bot.get('runs/00000000-0000-4000-8000-000000000000')).status).toBe(404);
  expect((await api.user.post('runs/00000000-0000-4000-8000-000000000000/kill')).status).toBe(404);
});
