import { describe, expect, test } from 'vitest';
import { SERVICE_KINDS } from '../../src/openmetadata/service-kinds.ts';
import type { EntityKind, JsonObject } from '../../src/store/ports.ts';
import type { Answer, TestApi } from '../support/api.ts';
import { makePipeline, makeService, testApi } from '../support/api.ts';

const MARK = 'hunter2hunter2';
const PLAIN = { hostPort: 'db:5432', authType: { password: MARK } };
const REFERENCED = { hostPort: 'db:5432', authType: { password: 'secret:pw' } };
const SERVICES = 'services/databaseServices';
const PIPELINES = 'services/ingestionPipelines';
const WORKFLOWS = 'automations/workflows';
const KINDS: readonly EntityKind[] = [...SERVICE_KINDS, 'ingestionPipeline', 'automationWorkflow', 'app'];

/** One way in which a credential could reach a hybrid runner: prepared first, asked then. */
interface Way {
  readonly what: string;
  /** Where the answer says it stands. */
  readonly pointer: string;
  /** It is the request that brings the credential; otherwise it stands in the store already. */
  readonly brings: boolean;
  readonly prepare?: (api: TestApi, runner: JsonObject) => Promise<string>;
  readonly ask: (api: TestApi, runner: JsonObject, id: string) => Promise<Answer>;
}

const service = (config: JsonObject, runner: JsonObject, name = 'w'): JsonObject => ({
  name,
  serviceType: 'Postgres',
  connection: { config },
  ingestionRunner: runner,
});
const workflow = (request: JsonObject, more: JsonObject = {}): JsonObject => ({
  name: 't',
  workflowType: 'TEST_CONNECTION',
  request: { connectionType: 'Postgres', ingestionRunner: 'runner-a', ...request },
  ...more,
});
const pipeline = (serviceId: string, sourceConfig: JsonObject): JsonObject => ({
  name: 'metadata',
  pipelineType: 'metadata',
  sourceConfig,
  airflowConfig: {},
  service: { id: serviceId, type: 'databaseService' },
});
const idOf = ({ body, status }: Answer): string => {
  expect({ status, body }).toMatchObject({ status: 201 });
  return String(body['id']);
};
/** An older version let it in, or another hand did. */
async function plant(
  api: TestApi,
  kind: EntityKind,
  id: string,
  change: (json: JsonObject) => JsonObject,
): Promise<string> {
  await api.store.entities.update(kind, id, ({ json }) => ({ json: change(json), updatedBy: 'somebody' }));
  return id;
}
const cleanService = async (api: TestApi): Promise<string> => (await makeService(api, await api.runner(), 'w')).id;
const cleanPipeline = async (api: TestApi): Promise<string> =>
  (await makePipeline(api, { id: await cleanService(api) })).id;
async function plantedService(api: TestApi): Promise<string> {
  const serviceId = await cleanService(api);
  const { id } = await makePipeline(api, { id: serviceId });
  await plant(api, 'databaseService', serviceId, (json) => ({ ...json, connection: { config: PLAIN } }));
  return id;
}
const plantedWorkflow = async (api: TestApi, request: JsonObject): Promise<string> => {
  const id = idOf(await api.user.post(WORKFLOWS, workflow({ connection: { config: REFERENCED } })));
  return plant(api, 'automationWorkflow', id, (json) => ({ ...json, ...request }));
};
const application = (runner: JsonObject): JsonObject => ({
  name: 'app',
  pipelineType: 'application',
  sourceConfig: { config: { sourcePythonClass: 'a.B' } },
  airflowConfig: {},
  ingestionRunner: runner,
});

const WAYS: readonly Way[] = [
  {
    what: 'POST of a service',
    pointer: '/connection/config/authType/password',
    brings: true,
    ask: (api, runner) => api.user.post(SERVICES, service(PLAIN, runner)),
  },
  {
    what: 'PUT of a new service',
    pointer: '/connection/config/authType/password',
    brings: true,
    ask: (api, runner) => api.user.put(SERVICES, service(PLAIN, runner)),
  },
  {
    what: 'PUT of a service that is there',
    pointer: '/connection/config/authType/password',
    brings: true,
    prepare: cleanService,
    ask: (api, runner) => api.user.put(SERVICES, service(PLAIN, runner)),
  },
  {
    what: 'PATCH of a service',
    pointer: '/connection/config/authType/password',
    brings: true,
    prepare: cleanService,
    ask: (api, _runner, id) =>
      api.user.patch(`${SERVICES}/${id}`, [
        { op: 'replace', path: '/connection/config/authType/password', value: MARK },
      ]),
  },
  {
    what: 'PATCH that moves a service to the runner',
    pointer: '/connection/config/authType/password',
    brings: false,
    prepare: async (api) => idOf(await api.user.post(SERVICES, { ...service(PLAIN, {}), ingestionRunner: null })),
    ask: (api, runner, id) =>
      api.user.patch(`${SERVICES}/${id}`, [{ op: 'add', path: '/ingestionRunner', value: runner }]),
  },
  {
    what: 'POST of a pipeline with it in the source configuration',
    pointer: '/sourceConfig/config/dbtConfigSource/apiKey',
    brings: true,
    prepare: cleanService,
    ask: (api, _runner, id) =>
      api.user.post(PIPELINES, pipeline(id, { config: { dbtConfigSource: { apiKey: MARK } } })),
  },
  {
    what: 'POST of a pipeline with it beside the source configuration',
    pointer: '/sourceConfig/token',
    brings: true,
    prepare: cleanService,
    ask: (api, _runner, id) => api.user.post(PIPELINES, pipeline(id, { config: {}, token: MARK })),
  },
  {
    what: 'PUT of a pipeline',
    pointer: '/sourceConfig/config/token',
    brings: true,
    prepare: cleanService,
    ask: (api, _runner, id) => api.user.put(PIPELINES, pipeline(id, { config: { token: MARK } })),
  },
  {
    what: 'PATCH of a pipeline',
    pointer: '/sourceConfig/config/token',
    brings: true,
    prepare: cleanPipeline,
    ask: (api, _runner, id) =>
      api.user.patch(`${PIPELINES}/${id}`, [{ op: 'add', path: '/sourceConfig/config/token', value: MARK }]),
  },
  {
    what: 'deploy',
    pointer: '/connection/config/authType/password',
    brings: false,
    prepare: plantedService,
    ask: (api, _runner, id) => api.user.post(`${PIPELINES}/deploy/${id}`),
  },
  {
    what: 'trigger',
    pointer: '/connection/config/authType/password',
    brings: false,
    prepare: plantedService,
    ask: (api, _runner, id) => api.user.post(`${PIPELINES}/trigger/${id}`),
  },
  {
    what: 'trigger of a pipeline whose source configuration holds it',
    pointer: '/sourceConfig/config/token',
    brings: false,
    prepare: async (api) =>
      plant(api, 'ingestionPipeline', await cleanPipeline(api), (json) => ({
        ...json,
        sourceConfig: { config: { token: MARK } },
      })),
    ask: (api, _runner, id) => api.user.post(`${PIPELINES}/trigger/${id}`),
  },
  {
    what: 'trigger of an application pipeline with it in what is overridden',
    pointer: '/nested/apiKey',
    brings: true,
    prepare: async (api) => {
      const runner = await api.runner();
      return idOf(await api.user.post(PIPELINES, application({ id: runner.id })));
    },
    ask: (api, _runner, id) => api.user.post(`${PIPELINES}/trigger/${id}`, { nested: { apiKey: MARK } }),
  },
  {
    what: 'POST of a test connection',
    pointer: '/request/connection/config/authType/password',
    brings: true,
    ask: (api) => api.user.post(WORKFLOWS, workflow({ connection: { config: PLAIN } })),
  },
  {
    what: 'POST of a test connection of no type',
    pointer: '/request/connection/config/authType/password',
    brings: true,
    ask: (api) => api.user.post(WORKFLOWS, workflow({ connection: { config: PLAIN }, connectionType: null })),
  },
  {
    what: 'POST of a test connection with it beside the connection',
    pointer: '/request/properties/password',
    brings: true,
    ask: (api) => api.user.post(WORKFLOWS, workflow({ properties: { password: MARK } })),
  },
  {
    what: 'trigger of a test connection',
    pointer: '/request/connection/config/authType/password',
    brings: false,
    prepare: (api) => plantedWorkflow(api, workflow({ connection: { config: PLAIN } })),
    ask: (api, _runner, id) => api.user.post(`${WORKFLOWS}/trigger/${id}`),
  },
  {
    what: 'trigger of a test connection of no type',
    pointer: '/request/connection/config/authType/password',
    brings: false,
    prepare: (api) => plantedWorkflow(api, workflow({ connection: { config: PLAIN }, connectionType: undefined })),
    ask: (api, _runner, id) => api.user.post(`${WORKFLOWS}/trigger/${id}`),
  },
  {
    what: 'POST of an application',
    pointer: '/appConfiguration/apiKey',
    brings: true,
    ask: (api, runner) =>
      api.user.post('apps', { name: 'A', appConfiguration: { apiKey: MARK }, ingestionRunner: runner }),
  },
  {
    what: 'PUT of an application with it beside its configuration',
    pointer: '/privateConfiguration/token',
    brings: true,
    ask: (api, runner) =>
      api.user.put('apps', { name: 'A', privateConfiguration: { token: MARK }, ingestionRunner: runner }),
  },
  {
    what: 'trigger of an application with it in what is overridden',
    pointer: '/token',
    brings: true,
    prepare: async (api) => {
      const runner = await api.runner();
      return idOf(await api.user.post('apps', { name: 'A', ingestionRunner: { id: runner.id } }));
    },
    ask: (api) => api.user.post('apps/trigger/A', { token: MARK }),
  },
];

async function stored(api: TestApi): Promise<string> {
  const pages = await Promise.all(KINDS.map((kind) => api.store.entities.list({ kind, limit: 100 })));
  return JSON.stringify(pages);
}

async function asked(api: TestApi, way: Way): Promise<Answer> {
  const { id } = await api.runner();
  const runner = { id, type: 'ingestionRunner' };
  return way.ask(api, runner, (await way.prepare?.(api, runner)) ?? '');
}

describe('a credential in plain text for a hybrid runner', () => {
  test.each(WAYS)('is refused at $what, with its place and without its value', async (way) => {
    await using api = await testApi();
    const answer = await asked(api, way);
    expect(answer).toMatchObject({ status: 422, body: { errorType: 'plaintext_secret' } });
    expect((answer.body['errors'] as JsonObject[]).map(({ pointer }) => pointer)).toEqual([way.pointer]);
    expect(answer.text).not.toContain(MARK);
    expect(api.log.text()).not.toContain(MARK);
    expect(await api.store.runs.unsettled(100)).toEqual([]);
    if (way.brings) expect(await stored(api)).not.toContain(MARK);
  });

  test.each(WAYS)('is let through at $what where the policy is warn, and the log says where', async (way) => {
    await using api = await testApi({ plaintextSecrets: 'warn' });
    const answer = await asked(api, way);
    expect(answer.status).toBeLessThan(300);
    expect(api.log.text()).toContain(way.pointer);
    expect(api.log.text()).not.toContain(MARK);
  });

  test.each(WAYS)('is let through without a word at $what where the policy is allow', async (way) => {
    await using api = await testApi({ plaintextSecrets: 'allow' });
    const answer = await asked(api, way);
    expect(answer.status).toBeLessThan(300);
    expect(api.log.text()).not.toContain(way.pointer);
    expect(api.log.text()).not.toContain(MARK);
  });

  test('is refused for each pipeline of a bulk deploy by itself', async () => {
    await using api = await testApi();
    const id = await plantedService(api);
    const answer = await api.user.post(`${PIPELINES}/bulk/deploy`, [id]);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.text).toContain('"code":422');
    expect(answer.text).not.toContain(MARK);
  });
});

describe('a reference that nobody would resolve', () => {
  test.each([
    ['in a field that is not masked', 'secret:host', 'reference_not_masked'],
    ['inside a longer text', 'db:5432?key=secret:x', 'reference_embedded'],
  ])('%s is reported to whoever writes the service, under each policy', async (_where, hostPort, code) => {
    for (const plaintextSecrets of ['refuse', 'warn', 'allow'] as const) {
      await using api = await testApi({ plaintextSecrets });
      const runner = await api.runner();
      const body = service({ hostPort }, { id: runner.id });
      const warnings = [{ pointer: '/connection/config/hostPort', code }];
      const created = await api.user.post(SERVICES, body);
      expect(created).toMatchObject({ status: 201, body: { connectionWarnings: warnings } });
      expect((await api.user.put(SERVICES, body)).body).toMatchObject({ connectionWarnings: warnings });
      expect(api.log.text()).toContain(code);
      const { id } = created.body;
      const fixed = [{ op: 'replace', path: '/connection/config/hostPort', value: 'db:5432' }];
      const patched = await api.user.patch(`${SERVICES}/${String(id)}`, fixed);
      expect(patched.body['connectionWarnings']).toBeUndefined();
      expect(await stored(api)).not.toContain('connectionWarnings');
    }
  });
});
