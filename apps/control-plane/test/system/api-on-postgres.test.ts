import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordingLogger, testClock } from '@runner/core/testing';
import type { TestClock } from '@runner/core/testing';
import { apiServerOptions, registerApi } from '../../src/api/index.ts';
import { createAuth } from '../../src/auth/index.ts';
import type { Auth } from '../../src/auth/index.ts';
import { createRunLogs } from '../../src/gateway/run-logs.ts';
import { createEndings } from '../../src/openmetadata/endings.ts';
import { createTrigger } from '../../src/openmetadata/trigger.ts';
import { createScheduler } from '../../src/scheduler/index.ts';
import type { JsonObject } from '../../src/store/ports.ts';
import { CONFIG } from '../support/api.ts';
import { fuzzApi, sampleBodies } from '../support/fuzz-api.ts';
import { random, testPostgres } from '../support/postgres.ts';
import type { TestPostgres } from '../support/postgres.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** One replica of the control plane, without sockets to agents; several may share a database and a clock. */
async function replica(url: string, clock: TestClock) {
  const store = await postgres.store({ url, clock, leaseNow: () => clock.now() });
  const logger = recordingLogger();
  const common = { store, clock, random, logger };
  const auth: Auth = await createAuth({ ...common, publicUrl: CONFIG.publicUrl });
  const trigger = createTrigger({ ...common, auth, config: CONFIG });
  const endings = createEndings({ ...common, trigger, config: { runnerUnavailableSeconds: 3_600 } });
  const scheduler = createScheduler({ ...common, trigger });
  const logs = createRunLogs({ logs: store.logs, runs: store.runBook, signals: store.signals, clock });
  const gateway = {
    bridge: { connected: () => [] },
    logs,
    checkSecrets: () => Promise.resolve({ kind: 'not_supported' } as const),
    disconnectRunner: () => Promise.resolve(),
    disconnectToken: () => Promise.resolve(),
  };
  const app = Fastify(apiServerOptions(CONFIG));
  await registerApi(app, { ...common, auth, trigger, gateway, config: CONFIG });
  await app.ready();
  const { token } = await auth.issue({ role: 'admin', subject: 'admin' });
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) => {
    const response = await app.inject({
      method,
      url: `/api/v1/${path}`,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    return { status: response.statusCode, body: response.json<JsonObject>() };
  };
  return {
    store,
    app,
    token,
    call,
    endings,
    scheduler,
    logger,
    [Symbol.asyncDispose]: async () => {
      logs.close();
      await app.close();
      await store.close();
    },
  };
}

type Replica = Awaited<ReturnType<typeof replica>>;

async function makePipeline({ store, call }: Replica, airflowConfig: JsonObject) {
  const runner = await store.runners.ensure('runner-a');
  const service = await call('POST', 'services/databaseServices', {
    name: 'warehouse',
    serviceType: 'Postgres',
    connection: { config: { hostPort: 'db:5432', authType: { password: 'secret:pw' } } },
    ingestionRunner: { id: runner.id },
  });
  const pipeline = await call('POST', 'services/ingestionPipelines', {
    name: 'metadata',
    pipelineType: 'metadata',
    sourceConfig: { config: {} },
    airflowConfig,
    service: { id: service.body['id'], type: 'databaseService' },
  });
  expect([service.status, pipeline.status]).toEqual([201, 201]);
  return { runner, serviceId: String(service.body['id']), pipelineId: String(pipeline.body['id']) };
}

describe('the control plane on a real PostgreSQL', () => {
  test('fires each slot once, although two replicas keep the schedule', async () => {
    const clock = testClock();
    const url = await postgres.database();
    await using a = await replica(url, clock);
    await using b = await replica(url, clock);
    const { pipelineId } = await makePipeline(a, { scheduleInterval: '*/5 * * * *', concurrency: 100 });
    expect((await b.call('POST', `services/ingestionPipelines/deploy/${pipelineId}`)).status).toBe(200);
    await Promise.all([a.scheduler.look(), b.scheduler.look()]);
    for (let slot = 0; slot < 12; slot += 1) {
      await clock.advance(5 * 60_000);
      await Promise.all([a.scheduler.look(), b.scheduler.look(), a.scheduler.look()]);
    }
    const runs = await a.store.runs.ofEntity(pipelineId, 100);
    expect(runs).toHaveLength(12);
    expect(new Set(runs.map(({ slot }) => slot)).size).toBe(12);
    const history = await b.store.slots.history(pipelineId, 100);
    expect(history.map(({ fired }) => fired).sort()).toEqual(runs.map(({ record }) => record.runId).sort());
  });

  test('makes one retry of a failed run, although two replicas settle it', async () => {
    const clock = testClock();
    const url = await postgres.database();
    await using a = await replica(url, clock);
    await using b = await replica(url, clock);
    const { pipelineId } = await makePipeline(a, { retries: 1, retryDelay: 0, concurrency: 10 });
    const { body } = await a.call('POST', `services/ingestionPipelines/trigger/${pipelineId}`);
    await a.store.runs.update(String(body['runId']), ({ record }) => ({
      ...record,
      state: 'failed',
      writtenBy: 'runner',
      endedAt: clock.now(),
    }));
    await Promise.all([a.endings.settle(), b.endings.settle(), a.endings.settle()]);
    expect(await a.store.runs.ofEntity(pipelineId, 10)).toHaveLength(2);
    expect(await b.store.runs.unsettled(10)).toEqual([]);
    const status = await b.call(
      'GET',
      `services/ingestionPipelines/warehouse.metadata/pipelineStatus/${String(body['runId'])}`,
    );
    expect(status.body).toMatchObject({ pipelineState: 'failed' });
  });

  test('makes one run of many triggers on two replicas', async () => {
    const clock = testClock();
    const url = await postgres.database();
    await using a = await replica(url, clock);
    await using b = await replica(url, clock);
    const { pipelineId } = await makePipeline(a, {});
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        (n % 2 === 0 ? a : b).call('POST', `services/ingestionPipelines/trigger/${pipelineId}`),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(15);
  });

  test('takes any request to any route without a failure of the server', async () => {
    const clock = testClock();
    await using cp = await replica(await postgres.database(), clock);
    const { runner, serviceId, pipelineId } = await makePipeline(cp, {});
    const { body } = await cp.call('POST', `services/ingestionPipelines/trigger/${pipelineId}`);
    const runId = String(body['runId']);
    const known = [
      serviceId,
      pipelineId,
      runId,
      runner.id,
      'warehouse',
      'warehouse.metadata',
      'last',
      'test-connection',
    ];
    const samples = sampleBodies({ serviceId, runnerId: runner.id, runId });
    await fuzzApi({ app: cp.app, token: cp.token, known, samples }, 1_500);
    expect(cp.logger.records.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
