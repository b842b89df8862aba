import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/store/ports.ts';
import { makeAll, makePipeline, makeService, testApi, triggerRun } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const BASE = 'services/ingestionPipelines';

describe('ingestion pipelines', () => {
  test('are made below their service and found by id, FQN and in lists', async () => {
    await using api = await testApi();
    const { service, pipeline } = await makeAll(api);
    expect(pipeline).toMatchObject({
      name: 'metadata',
      fullyQualifiedName: 'warehouse.metadata',
      enabled: true,
      deployed: false,
      version: 0.1,
      service: { id: service.id, type: 'databaseService', name: 'warehouse', fullyQualifiedName: 'warehouse' },
    });
    expect((await api.bot.get(`${BASE}/${pipeline.id}`)).body).toEqual(pipeline);
    expect((await api.bot.get(`${BASE}/name/warehouse.metadata`)).body).toEqual(pipeline);
    await makePipeline(api, service, { name: 'lineage', pipelineType: 'lineage' });
    const names = async (query: string): Promise<unknown[]> =>
      ((await api.bot.get(`${BASE}?${query}`)).body['data'] as JsonObject[]).map(({ name }) => name);
    expect(await names('')).toEqual(['lineage', 'metadata']);
    expect(await names('pipelineType=lineage')).toEqual(['lineage']);
    expect(await names('service=warehouse')).toEqual(['lineage', 'metadata']);
    expect(await names('service=other')).toEqual([]);
  });

  test('take their service by FQN too, and need one that exists', async () => {
    await using api = await testApi();
    const { service } = await makeAll(api);
    const body = { name: 'p', pipelineType: 'metadata', sourceConfig: {}, airflowConfig: {} };
    const named = { type: 'databaseService', fullyQualifiedName: 'warehouse' };
    expect((await api.user.post(BASE, { ...body, service: named })).body).toMatchObject({
      service: { id: service.id },
    });
    for (const wrong of [
      undefined,
      { type: 'databaseService' },
      { type: 'dashboardService', fullyQualifiedName: 'warehouse' },
    ]) {
      expect(await api.user.post(BASE, { ...body, name: 'q', service: wrong })).toMatchObject({
        status: 422,
        body: { errorType: 'invalid_pipeline' },
      });
    }
    expect((await api.user.post(BASE, { ...body, service: { type: 'noService', id: service.id } })).status).toBe(400);
    expect((await api.user.post(BASE, { ...body, name: 'app', pipelineType: 'application' })).body).toMatchObject({
      fullyQualifiedName: 'app',
    });
  });

  test('have a type that OpenMetadata knows', async () => {
    await using api = await testApi();
    const { service } = await makeAll(api);
    const body = {
      name: 'p',
      sourceConfig: {},
      airflowConfig: {},
      service: { id: service.id, type: 'databaseService' },
    };
    expect(await api.user.post(BASE, { ...body, pipelineType: 'guess' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/pipelineType' }] },
    });
  });

  test.each([
    [{ scheduleInterval: '61 * * * *' }, 'cannot be read'],
    [{ scheduleInterval: '* * * * * *' }, 'five'],
    [{ scheduleInterval: '0 0 31 2 *' }, 'never'],
    [{ scheduleInterval: '@daily', pipelineTimezone: 'Mars/Olympus' }, 'time zone'],
    [{ scheduleInterval: '@daily', startDate: 'tomorrow' }, 'startDate'],
    [{ scheduleInterval: '@daily', endDate: 1e300 }, 'endDate'],
  ])('with the schedule %j are refused', async (airflowConfig, text) => {
    await using api = await testApi();
    const { service, pipeline } = await makeAll(api);
    const refused = {
      status: 422,
      body: { errorType: 'invalid_schedule', message: expect.stringContaining(text) as string },
    };
    const body = { name: 'p', pipelineType: 'metadata', sourceConfig: {}, airflowConfig, service: pipeline['service'] };
    expect(await api.user.post(BASE, body)).toMatchObject(refused);
    expect(await api.user.put(BASE, { ...body, name: 'metadata' })).toMatchObject(refused);
    const patch = [{ op: 'add', path: '/airflowConfig', value: airflowConfig }];
    expect(await api.user.patch(`${BASE}/${pipeline.id}`, patch)).toMatchObject(refused);
    expect(service.id).toBeDefined();
  });

  test('by PUT are made or changed, and keep what only the server says', async () => {
    await using api = await testApi();
    const { service, pipeline } = await makeAll(api);
    await api.user.post(`${BASE}/deploy/${pipeline.id}`);
    const body = {
      name: 'metadata',
      pipelineType: 'metadata',
      sourceConfig: { config: { type: 'DatabaseMetadata', more: 1 } },
      airflowConfig: { scheduleInterval: '@daily' },
      service: { id: service.id, type: 'databaseService' },
      deployed: false,
    };
    const changed = await api.user.put(BASE, body);
    expect(changed).toMatchObject({
      status: 200,
      body: { id: pipeline.id, deployed: true, airflowConfig: { scheduleInterval: '@daily' } },
    });
    expect(await api.user.put(BASE, { ...body, name: 'new' })).toMatchObject({
      status: 201,
      body: { deployed: false },
    });
  });

  test('cannot be renamed nor moved to another service', async () => {
    await using api = await testApi();
    const { pipeline, runner } = await makeAll(api);
    const other = await makeService(api, runner, 'other');
    const path = `${BASE}/${pipeline.id}`;
    expect((await api.user.patch(path, [{ op: 'replace', path: '/name', value: 'x' }])).status).toBe(400);
    const move = [{ op: 'replace', path: '/service', value: { id: other.id, type: 'databaseService' } }];
    expect(await api.user.patch(path, move)).toMatchObject({ status: 409, body: { errorType: 'conflict' } });
  });

  test('are deployed when they could run, one by one and many at once', async () => {
    await using api = await testApi();
    const { service, pipeline } = await makeAll(api);
    const bad = await makePipeline(api, service, { name: 'bad', pipelineType: 'dataInsight' });
    expect(await api.user.post(`${BASE}/deploy/${bad.id}`)).toMatchObject({ status: 422 });
    const missing = '00000000-0000-4000-8000-000000000000';
    const { body, status } = await api.user.post(`${BASE}/bulk/deploy`, [pipeline.id, bad.id, missing]);
    expect(status).toBe(200);
    expect(body).toMatchObject([{ code: 200 }, { code: 422 }, { code: 404 }]);
    expect((await api.user.get(`${BASE}/${pipeline.id}`)).body).toMatchObject({ deployed: true });
    expect((await api.user.get(`${BASE}/${bad.id}`)).body).toMatchObject({ deployed: false });
  });

  test('are switched off and on again', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const toggle = `${BASE}/toggleIngestion/${pipeline.id}`;
    expect((await api.user.post(toggle)).body).toMatchObject({ enabled: false });
    expect((await api.user.post(toggle)).body).toMatchObject({ enabled: true });
  });

  test('never show the token of the server they report to, and keep it when it comes back masked', async () => {
    await using api = await testApi();
    const { service } = await makeAll(api);
    const openMetadataServerConnection = {
      hostPort: 'https://om.example/api',
      authProvider: 'openmetadata',
      securityConfig: { jwtToken: 'their-very-own-token' },
    };
    const pipeline = await makePipeline(api, service, { name: 'p2', openMetadataServerConnection });
    const path = `${BASE}/${pipeline.id}`;
    for (const answer of [
      await api.admin.get(path),
      await api.admin.get(BASE),
      await api.user.patch(path, [{ op: 'add', path: '/description', value: 'd' }]),
      await api.user.put(BASE, { ...pipeline, description: 'e' }),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain('their-very-own');
    }
    const stored = await api.store.entities.byId('ingestionPipeline', pipeline.id);
    expect(stored?.json['openMetadataServerConnection']).toEqual(openMetadataServerConnection);
    const local = { ...openMetadataServerConnection, hostPort: 'file:///etc/passwd' };
    const body = { ...pipeline, name: 'p3', openMetadataServerConnection: local };
    expect((await api.user.post(BASE, body)).status).toBe(400);
  });

  test('have no credential in their source configuration when they go to a hybrid runner', async () => {
    await using api = await testApi();
    const { service, pipeline } = await makeAll(api);
    const sourceConfig = { config: { dbtConfigSource: { dbtCloudAuthToken: 'hunter2hunter2' } } };
    const body = {
      name: 'dbt',
      pipelineType: 'dbt',
      airflowConfig: {},
      service: { id: service.id, type: 'databaseService' },
      sourceConfig,
    };
    const answer = await api.user.post(BASE, body);
    expect(answer).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/sourceConfig/config/dbtConfigSource/dbtCloudAuthToken' }] },
    });
    await api.store.entities.update('ingestionPipeline', pipeline.id, ({ json }) => ({
      json: { ...json, sourceConfig },
      updatedBy: 'an older version',
    }));
    expect((await api.user.get(`${BASE}/${pipeline.id}`)).text).not.toContain('hunter2');
    expect((await api.user.post(`${BASE}/trigger/${pipeline.id}`)).status).toBe(422);
  });
});

test('the client of pipelines says that it works, and where workloads are it does not know', async () => {
  await using api = await testApi();
  expect((await api.user.get(`${BASE}/status`)).body).toEqual({
    code: 200,
    platform: 'HybridRunner',
    version: '1.13.3',
  });
  expect((await api.user.get(`${BASE}/ip`)).status).toBe(204);
});

describe('the status of a pipeline', () => {
  test('is written by the workload and read by range, newest first, five without one', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api, { airflowConfig: { concurrency: 20 } });
    const runIds: string[] = [];
    for (let n = 1; n <= 7; n += 1) {
      const runId = await triggerRun(api, pipeline.id);
      runIds.push(runId);
      const main = await api.workload(runId);
      const status = { runId, pipelineState: 'success', startDate: n * 10, timestamp: n * 10, endDate: n * 10 + 5 };
      expect((await main.put(`${path}/pipelineStatus`, status)).status).toBe(200);
    }
    const timestamps = async (query: string): Promise<unknown[]> =>
      ((await api.bot.get(`${path}/pipelineStatus${query}`)).body['data'] as JsonObject[]).map(
        (each) => each['timestamp'],
      );
    expect(await timestamps('')).toEqual([70, 60, 50, 40, 30]);
    expect(await timestamps('?startTs=20&endTs=40')).toEqual([40, 30, 20]);
    expect(await timestamps('?limit=2')).toEqual([70, 60]);
    expect((await api.bot.get(`${path}/pipelineStatus/${runIds[0] ?? ''}`)).body).toMatchObject({ timestamp: 10 });
    const byId = `services/ingestionPipelines/${pipeline.id}/pipelineStatus`;
    expect((await api.user.delete(`${byId}/${runIds[0] ?? ''}`)).status).toBe(204);
    expect((await api.user.delete(`${byId}/${runIds[0] ?? ''}`)).status).toBe(404);
    expect((await api.user.delete(byId)).body).toEqual({ deleted: 6 });
    expect(await timestamps('')).toEqual([]);
  });

  test('keeps fields that this version does not know', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const main = await api.workload(runId);
    const status = {
      runId,
      pipelineState: 'success',
      startDate: 1,
      timestamp: 2,
      metadata: { a: [1] },
      status: [{ name: 'Postgres', records: 5, sourceTimeMs: 3, operationMetrics: { x: 1 }, failures: [] }],
    };
    await main.put(`${path}/pipelineStatus`, status);
    expect((await main.get(`${path}/pipelineStatus/${runId}`)).body).toEqual(status);
  });

  test('is 204 for a workload that has not spoken, and what the runner saw for everybody else', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    await runLife(api, runId).running();
    const main = await api.workload(runId);
    expect(await main.get(`${path}/pipelineStatus/${runId}`)).toMatchObject({ status: 204, text: '' });
    expect((await api.user.get(`${path}/pipelineStatus/${runId}`)).body).toMatchObject({ pipelineState: 'running' });
    expect((await api.user.get(`${path}/pipelineStatus/00000000-0000-4000-8000-000000000000`)).status).toBe(204);
  });

  test('of the exit step counts where the workload said nothing', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    await runLife(api, runId).accepted();
    const [main, exit] = [await api.workload(runId), await api.workload(runId, 'exitStep')];
    await main.put(`${path}/pipelineStatus`, { runId, pipelineState: 'running', startDate: 7, timestamp: 7 });
    const step = {
      name: 'Pod Diagnostics',
      errors: 1,
      failures: [{ name: 'Main Container Diagnostics', error: 'OOM' }],
    };
    const said = { runId, pipelineState: 'failed', startDate: 7, timestamp: 7, endDate: 8, status: [step] };
    expect((await exit.put(`${path}/pipelineStatus`, said)).status).toBe(200);
    expect((await api.user.get(`runs/${runId}`)).body).toMatchObject({ state: 'failed', writtenBy: 'exitStep' });
    await main.put(`${path}/pipelineStatus`, {
      runId,
      pipelineState: 'success',
      startDate: 7,
      timestamp: 7,
      endDate: 9,
    });
    expect((await api.user.get(`runs/${runId}`)).body).toMatchObject({ state: 'succeeded', writtenBy: 'main' });
    await exit.put(`${path}/pipelineStatus`, said);
    expect((await api.user.get(`${path}/pipelineStatus/${runId}`)).body).toMatchObject({
      pipelineState: 'success',
      status: [{ name: 'Pod Diagnostics' }],
    });
  });

  test('with a state, a run or a time that cannot be is refused', async () => {
    await using api = await testApi();
    const { pipeline, path } = await makeAll(api);
    const runId = await triggerRun(api, pipeline.id);
    const main = await api.workload(runId);
    for (const wrong of [
      { runId, pipelineState: 'sleeping' },
      { runId: 'x', pipelineState: 'running' },
      { pipelineState: 'running' },
      { runId, pipelineState: 'running', startDate: -1 },
      { runId, pipelineState: 'running', startDate: 1e300 },
      { runId, pipelineState: 'running', status: [{ records: 1 }] },
      null,
      [],
      'running',
    ]) {
      expect((await main.put(`${path}/pipelineStatus`, wrong)).status).toBe(400);
    }
    expect(
      (await api.bot.put('services/ingestionPipelines/no.such/pipelineStatus', { runId, pipelineState: 'running' }))
        .status,
    ).toBe(404);
  });
});
