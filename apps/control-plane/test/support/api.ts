import Fastify from 'fastify';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { randomUUID } from 'node:crypto';
import { testClock, testRandom, recordingLogger } from '@runner/core/testing';
import type { TestClock } from '@runner/core/testing';
import { apiServerOptions, registerApi } from '../../src/api/index.ts';
import type { ApiConfig } from '../../src/api/index.ts';
import { createAuth } from '../../src/auth/index.ts';
import type { Auth } from '../../src/auth/index.ts';
import type { Gateway } from '../../src/gateway/ports.ts';
import { createRunLogs } from '../../src/gateway/run-logs.ts';
import { createEndings } from '../../src/openmetadata/endings.ts';
import type { Endings } from '../../src/openmetadata/endings.ts';
import { createTrigger } from '../../src/openmetadata/trigger.ts';
import type { Trigger } from '../../src/openmetadata/trigger.ts';
import type { JsonObject, RunnerRow } from '../../src/store/ports.ts';
import { memoryStore } from './memory-store.ts';
import type { MemoryStore } from './memory-store.ts';

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Client {
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  put(path: string, body?: unknown): Promise<Answer>;
  patch(path: string, body: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
}

/** A whole API over a store in memory, with nothing but time under control. */
export interface TestApi extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly store: MemoryStore;
  readonly clock: TestClock;
  readonly auth: Auth;
  readonly trigger: Trigger;
  readonly endings: Endings;
  readonly log: ReturnType<typeof recordingLogger>;
  /** Agents whose sockets were to be closed, and tokens. */
  readonly disconnected: readonly string[];
  /** From now on checks of references are answered so. Default: no agent can. */
  answerChecks(answer: Gateway['checkSecrets']): void;
  readonly admin: Client;
  readonly user: Client;
  readonly bot: Client;
  /** Without a token, or with this one. */
  client(token?: string): Client;
  /** A client with the token of a run's workload, or of its exit step. */
  workload(runId: string, role?: 'run' | 'exitStep'): Promise<Client>;
  /** A runner that was connected; `active` until time moves on by a minute. */
  runner(name?: string, options?: { active?: boolean; secretsManager?: string }): Promise<RunnerRow>;
}

export const CONFIG: ApiConfig = {
  publicUrl: 'http://cp.test',
  openMetadataVersion: '1.13.3',
  runDeadlineSeconds: 7_200,
  plaintextSecrets: 'refuse',
  rateLimitPerMinute: 100_000,
  bodyLimitBytes: 1_048_576,
};

/** Making a key takes longer than everything else a test does, so that all of them share one. */
let sharedKeys: Promise<JsonObject> | undefined;
async function keys(): Promise<JsonObject> {
  const store = memoryStore(testClock());
  await createAuth({
    store,
    clock: testClock(),
    random: testRandom(),
    logger: recordingLogger(),
    publicUrl: CONFIG.publicUrl,
  });
  return (await store.settings.get('signingKeys')) ?? {};
}

export async function testApi(overrides: Partial<ApiConfig> = {}): Promise<TestApi> {
  const clock = testClock();
  const store = memoryStore(clock);
  await store.settings.put('signingKeys', await (sharedKeys ??= keys()));
  const log = recordingLogger();
  const random = { next: Math.random, uuid: () => randomUUID() as string };
  const config = { ...CONFIG, ...overrides };
  const common = { store, clock, random, logger: log };
  const auth = await createAuth({ ...common, publicUrl: config.publicUrl });
  const trigger = createTrigger({ ...common, auth, config });
  const endings = createEndings({ ...common, trigger, config: { runnerUnavailableSeconds: 3_600 } });
  const disconnected: string[] = [];
  const logs = createRunLogs({ logs: store.logs, runs: store.runBook, signals: store.signals, clock });
  const held: { checkSecrets: Gateway['checkSecrets'] } = {
    checkSecrets: () => Promise.resolve({ kind: 'not_supported' }),
  };
  const gateway = {
    bridge: { connected: () => [] },
    logs,
    checkSecrets: (agentId: string, references: readonly string[], signal: AbortSignal) =>
      held.checkSecrets(agentId, references, signal),
    disconnectRunner: (agentId: string) => Promise.resolve(void disconnected.push(agentId)),
    disconnectToken: (tokenId: string) => Promise.resolve(void disconnected.push(tokenId)),
  };
  const app = Fastify(apiServerOptions(config));
  await registerApi(app, { ...common, auth, trigger, gateway, config });
  await app.ready();

  const client = (token?: string): Client => clientOf(app, token);
  const roleClient = async (role: 'admin' | 'user' | 'bot'): Promise<Client> =>
    client((await auth.issue({ role, subject: `the ${role}` })).token);
  return {
    app,
    store,
    clock,
    auth,
    trigger,
    endings,
    log,
    disconnected,
    answerChecks: (answer) => void (held.checkSecrets = answer),
    admin: await roleClient('admin'),
    user: await roleClient('user'),
    bot: await roleClient('bot'),
    client,
    workload: async (runId, role = 'run') => {
      const row = await store.runs.get(runId);
      const tokenId = role === 'run' ? row?.runTokenId : row?.exitTokenId;
      return client(await auth.runToken({ role, runId, tokenId: tokenId ?? '' }));
    },
    runner: async (name = 'runner-a', { active = true, secretsManager = 'kubernetes' } = {}) => {
      const row = await store.runners.ensure(name);
      await store.runners.seen(name, clock.now(), { agentVersion: '1.0.0', executor: 'local', secretsManager });
      const claim = { agentId: name, instanceId: randomUUID(), sessionId: 's', replicaId: 'r', scopeId: 'scope' };
      if (active) await store.agentBook.claim(claim, 60_000);
      return (await store.runners.byId(row.id)) ?? row;
    },
    [Symbol.asyncDispose]: async () => {
      logs.close();
      await app.close();
    },
  };
}

function clientOf(app: FastifyInstance, token: string | undefined): Client {
  const call = async (
    method: InjectOptions['method'],
    path: string,
    body?: unknown,
    { type = 'application/json', more = {} } = {},
  ) => {
    const url = path.startsWith('/') ? path : `/api/v1/${path}`;
    return answerOf(
      await app.inject({
        method: method ?? 'GET',
        url,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': type }),
          ...more,
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      }),
    );
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body, more) => call('POST', path, body, more === undefined ? {} : { more }),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body, { type: 'application/json-patch+json' }),
    delete: (path) => call('DELETE', path),
  };
}

function answerOf(response: LightMyRequestResponse): Answer {
  const json = (response.headers['content-type'] ?? '').includes('json');
  return {
    status: response.statusCode,
    body: json && response.body !== '' ? response.json<JsonObject>() : {},
    text: response.body,
    headers: response.headers,
  };
}

/** A service with a password reference, on this runner. */
export async function makeService(
  api: TestApi,
  runner: RunnerRow,
  name = 'warehouse',
  config: JsonObject = { hostPort: 'db:5432', username: 'om', authType: { password: 'secret:my-db-password' } },
): Promise<JsonObject & { id: string }> {
  const { body, status } = await api.admin.post('services/databaseServices', {
    name,
    serviceType: 'Postgres',
    connection: { config: { type: 'Postgres', ...config } },
    ingestionRunner: { id: runner.id, type: 'ingestionRunner' },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body as JsonObject & { id: string };
}

/** A metadata pipeline of this service. */
export async function makePipeline(
  api: TestApi,
  service: { readonly id: string },
  fields: JsonObject = {},
): Promise<JsonObject & { id: string; fullyQualifiedName: string }> {
  const { body, status } = await api.admin.post('services/ingestionPipelines', {
    name: 'metadata',
    pipelineType: 'metadata',
    sourceConfig: { config: { type: 'DatabaseMetadata' } },
    airflowConfig: {},
    service: { id: service.id, type: 'databaseService' },
    ...fields,
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body as JsonObject & { id: string; fullyQualifiedName: string };
}

/** Runner, service and pipeline, ready to be triggered. */
export async function makeAll(api: TestApi, fields: JsonObject = {}) {
  const runner = await api.runner();
  const service = await makeService(api, runner);
  const pipeline = await makePipeline(api, service, fields);
  return { runner, service, pipeline, path: `services/ingestionPipelines/${pipeline.fullyQualifiedName}` };
}

export async function triggerRun(api: TestApi, pipelineId: string): Promise<string> {
  const { body, status } = await api.admin.post(`services/ingestionPipelines/trigger/${pipelineId}`);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return String(body['runId']);
}
