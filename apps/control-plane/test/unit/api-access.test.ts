import { readFile } from 'node:fs/promises';
import type { RouteOptions } from 'fastify';
import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { ACCESS, mayDo } from '../../src/api/access.ts';
import type { Operation } from '../../src/api/access.ts';
// Tells TypeScript that routes have an operation.
import type {} from '../../src/api/authentication.ts';
import { registerApi } from '../../src/api/index.ts';
import type { TokenRole } from '../../src/store/ports.ts';
import { CONFIG, makeAll, makePipeline, makeService, testApi, triggerRun } from '../support/api.ts';
import type { Client, TestApi } from '../support/api.ts';

const ROLES: readonly TokenRole[] = ['admin', 'user', 'bot', 'runner', 'run', 'exitStep'];
const NOBODY = '00000000-0000-4000-8000-000000000000';

interface Route {
  readonly method: string;
  readonly url: string;
  readonly operation: Operation;
}

/** Every route of the API, collected while it is registered. */
async function routesOf(api: TestApi): Promise<readonly Route[]> {
  const routes: Route[] = [];
  const app = Fastify();
  app.addHook('onRoute', ({ method, url, config }: RouteOptions) => {
    const operation = config?.operation;
    if (operation === undefined || method === 'HEAD') return;
    for (const each of [method].flat()) if (each !== 'HEAD') routes.push({ method: each, url, operation });
  });
  const gateway = {
    bridge: { connected: () => [] },
    logs: { follow: async function* () {} },
    checkSecrets: () => Promise.resolve({ kind: 'not_supported' } as const),
    disconnectRunner: () => Promise.resolve(),
    disconnectToken: () => Promise.resolve(),
  };
  const { store, auth, trigger, clock, log } = api;
  const random = { next: Math.random, uuid: () => crypto.randomUUID() };
  await registerApi(app, { store, auth, trigger, clock, random, logger: log, gateway, config: CONFIG });
  await app.close();
  return routes;
}

const filled = (url: string): string =>
  url
    .replace(':serviceType', 'databaseService')
    .replace(/:(id|runId)\b/g, NOBODY)
    .replace(/:[A-Za-z]+/g, 'x');

async function tokens(api: TestApi): Promise<Readonly<Record<TokenRole, Client>>> {
  const { pipeline } = await makeAll(api);
  const runId = await triggerRun(api, pipeline.id);
  const runner = await api.auth.issue({ role: 'runner', subject: 'runner', agentId: 'runner-a' });
  return {
    admin: api.admin,
    user: api.user,
    bot: api.bot,
    runner: api.client(runner.token),
    run: await api.workload(runId),
    exitStep: await api.workload(runId, 'exitStep'),
  };
}

async function call(client: Client, { method, url }: Route): Promise<number> {
  const path = filled(url);
  const methods: Readonly<Record<string, () => Promise<{ status: number }>>> = {
    GET: () => client.get(path),
    POST: () => client.post(path),
    PUT: () => client.put(path, {}),
    PATCH: () => client.patch(path, []),
    DELETE: () => client.delete(path),
  };
  return (await (methods[method] ?? (() => client.get(path)))()).status;
}

/** From an address of its own each time, or the limit on failed attempts would answer. */
let callers = 0;
async function anonymous(api: TestApi, { method, url }: Route): Promise<number> {
  callers += 1;
  const remoteAddress = `10.0.${callers >> 8}.${callers & 255}`;
  const response = await api.app.inject({ method: method as 'GET', url: filled(url), remoteAddress });
  return response.statusCode;
}

describe('who may do what', () => {
  test('is decided for every route by the table, and by nothing else', async () => {
    await using api = await testApi();
    const clients = await tokens(api);
    const routes = await routesOf(api);
    expect(routes.length).toBeGreaterThan(120);
    const wrong: string[] = [];
    for (const route of routes) {
      const open = ACCESS[route.operation] === 'public';
      const nobody = await anonymous(api, route);
      if ((nobody === 401) === open) wrong.push(`nobody: ${route.method} ${route.url} ${nobody}`);
      for (const role of ROLES) {
        if (mayDo(role, route.operation)) continue;
        const status = await call(clients[role], route);
        if (status !== 403) wrong.push(`${role}: ${route.method} ${route.url} ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('uses every line of the table', async () => {
    await using api = await testApi();
    const used = new Set((await routesOf(api)).map(({ operation }) => operation));
    expect(Object.keys(ACCESS).filter((operation) => !used.has(operation as Operation))).toEqual([]);
  });

  test('is only ever public for what holds nothing', () => {
    const open = Object.entries(ACCESS).flatMap(([operation, roles]) => (roles === 'public' ? [operation] : []));
    expect(open.sort()).toEqual(['documentation.read', 'health.read', 'keys.read', 'version.read']);
  });
});

describe('the token of a run', () => {
  test('reads what its workload needs and nothing of anybody else', async () => {
    await using api = await testApi();
    const { runner, service, pipeline, path } = await makeAll(api);
    const otherService = await makeService(api, runner, 'other');
    const otherPipeline = await makePipeline(api, otherService);
    const runId = await triggerRun(api, pipeline.id);
    const otherRun = await triggerRun(api, otherPipeline.id);
    const main = await api.workload(runId);
    const statuses = async (paths: readonly string[]): Promise<number[]> => {
      const answers: number[] = [];
      for (const each of paths) answers.push((await main.get(each)).status);
      return answers;
    };
    const own = [
      'system/version',
      'services/databaseServices/name/warehouse',
      'services/databaseServices/name/warehouse?fields=*',
      `services/databaseServices/${service.id}`,
      'services/testConnectionDefinitions/name/Postgres.testConnectionDefinition',
      `services/ingestionPipelines/name/${pipeline.fullyQualifiedName}`,
      `services/ingestionPipelines/${pipeline.id}`,
      `${path}/pipelineStatus`,
    ];
    expect(await statuses(own)).toEqual(own.map(() => 200));
    const foreign = [
      'services/databaseServices',
      'services/databaseServices/name/other',
      `services/databaseServices/${otherService.id}`,
      'services/ingestionPipelines',
      `services/ingestionPipelines/${otherPipeline.id}`,
      'services/ingestionPipelines/name/other.metadata',
      'services/ingestionPipelines/other.metadata/pipelineStatus',
      `${path}/pipelineStatus/${otherRun}`,
      `services/ingestionPipelines/other.metadata/pipelineStatus/${otherRun}`,
      'automations/workflows',
      'apps',
      'runs',
      'tokens',
      'ingestionRunners',
      `services/ingestionPipelines/logs/${pipeline.fullyQualifiedName}/last`,
    ];
    expect(await statuses(foreign)).toEqual(foreign.map(() => 403));
  });

  test('writes about its own run and nobody else’s', async () => {
    await using api = await testApi();
    const { runner, pipeline, path } = await makeAll(api, { airflowConfig: { concurrency: 2 } });
    const otherPipeline = await makePipeline(api, await makeService(api, runner, 'other'));
    const runId = await triggerRun(api, pipeline.id);
    const sibling = await triggerRun(api, pipeline.id);
    const otherRun = await triggerRun(api, otherPipeline.id);
    const { body: workflow } = await api.user.post('automations/workflows', {
      name: 't',
      workflowType: 'TEST_CONNECTION',
      request: { ingestionRunner: 'runner-a' },
    });
    const main = await api.workload(runId);
    const status = (of: string) => ({ runId: of, pipelineState: 'success' });
    const report = (of: string) => ({ runId: of, timestamp: 1, updateType: 'ERROR' });
    const base = 'services/ingestionPipelines';
    const patch = [{ op: 'add', path: '/status', value: 'Successful' }];
    const denied = [
      await main.put(`${path}/pipelineStatus`, status(sibling)),
      await main.put(`${base}/other.metadata/pipelineStatus`, status(runId)),
      await main.put(`${base}/other.metadata/pipelineStatus`, status(otherRun)),
      await main.put(`${base}/progress/warehouse.metadata/${sibling}`, report(sibling)),
      await main.post(`${base}/logs/warehouse.metadata/${sibling}`, 'x'),
      await main.post(`${base}/logs/other.metadata/${otherRun}/close`),
      await main.patch(`automations/workflows/${String(workflow['id'])}`, patch),
      await main.post(`${base}/trigger/${pipeline.id}`),
      await main.post(`${base}/kill/${pipeline.id}`),
      await main.delete(`${base}/${pipeline.id}`),
    ];
    expect(denied.map((answer) => answer.status)).toEqual(denied.map(() => 403));
    const allowed = [
      await main.put(`${base}/progress/warehouse.metadata/${runId}`, report(runId)),
      await main.post(`${base}/logs/warehouse.metadata/${runId}`, 'x'),
      await main.put(`${path}/pipelineStatus`, status(runId)),
    ];
    expect(allowed.map((answer) => answer.status)).toEqual([204, 204, 200]);
  });

  test('is the only one that is shown a password in plain text, of its own service', async () => {
    await using api = await testApi();
    await api.store.runners.seen('SaaSRunner', api.clock.now(), {});
    const { body: service } = await api.user.post('services/databaseServices', {
      name: 'plain',
      serviceType: 'Postgres',
      connection: { config: { authType: { password: 'in-the-clear-1' } } },
    });
    const pipeline = await makePipeline(api, service as { id: string });
    const main = await api.workload(await triggerRun(api, pipeline.id));
    const path = 'services/databaseServices/name/plain';
    expect((await main.get(path)).text).toContain('in-the-clear-1');
    for (const client of [api.admin, api.user, api.bot]) {
      expect((await client.get(path)).text).not.toContain('in-the-clear-1');
    }
  });
});

describe('requests', () => {
  test('that are too many in a minute are refused, for each token by itself', async () => {
    await using api = await testApi({ rateLimitPerMinute: 20 });
    const { token } = await api.auth.issue({ role: 'user', subject: 'eager' });
    const eager = api.client(token);
    const statuses: number[] = [];
    for (let n = 0; n < 22; n += 1) statuses.push((await eager.get('runs')).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(await eager.get('runs')).toMatchObject({ status: 429, body: { errorType: 'rate_limited' } });
    expect((await api.user.get('runs')).status).toBe(200);
  });

  test('that fail to say who they are are refused after some tries', async () => {
    await using api = await testApi();
    const statuses: number[] = [];
    for (let n = 0; n < 65; n += 1) statuses.push((await api.client(`guess-${n}`).get('runs')).status);
    expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 401));
    expect(statuses.at(-1)).toBe(429);
    expect((await api.user.get('runs')).status).toBe(200);
  });

  test('are answered with headers that keep browsers from doing harm, and to no other origin', async () => {
    await using api = await testApi();
    const { headers } = await api.user.get('runs');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    });
    const preflight = await api.app.inject({
      method: 'OPTIONS',
      url: '/api/v1/runs',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
    });
    expect(preflight.statusCode).toBe(404);
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('with a body that is too long, no JSON or of another kind are refused in the one shape of errors', async () => {
    await using api = await testApi();
    const { token } = await api.auth.issue({ role: 'admin', subject: 'a' });
    const post = async (payload: string, type = 'application/json') => {
      const response = await api.app.inject({
        method: 'POST',
        url: '/api/v1/services/databaseServices',
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
        payload,
      });
      return response.json<{ code: number; errorType: string }>();
    };
    expect(await post('x'.repeat(1_048_577))).toMatchObject({ code: 413, errorType: 'body_too_large' });
    expect(await post('{"name":')).toMatchObject({ code: 400, errorType: 'invalid_request' });
    expect(await post('')).toMatchObject({ code: 400, errorType: 'invalid_request' });
    expect(await post('<xml/>', 'application/xml')).toMatchObject({ code: 415, errorType: 'unsupported_media_type' });
    expect(await post('{"__proto__": {"x": 1}}')).toMatchObject({ code: 400 });
    const body = { name: 'n', serviceType: 'Postgres', connection: { config: { password: 'a\u0000b' } } };
    expect(await post(JSON.stringify(body))).toMatchObject({ code: 400, errorType: 'invalid_request' });
    const deep = '['.repeat(5_000) + ']'.repeat(5_000);
    expect(await post(`{"name":"n","serviceType":"P","x":${deep}}`)).toMatchObject({ code: 400 });
  });

  test('never have what was sent repeated in the answer', async () => {
    await using api = await testApi();
    const secret = 'hunter2-hunter2';
    const config = { authType: { password: { [secret]: secret } }, username: secret };
    const answers = [
      await api.user.post('services/databaseServices', { name: 5, serviceType: secret, connection: { config } }),
      await api.user.post('services/databaseServices', { name: 'x', serviceType: 'Postgres', connection: secret }),
      await api.user.post('tokens', { role: secret }),
    ];
    for (const answer of answers) expect(answer.text).not.toContain(secret);
    expect(api.log.text()).not.toContain(secret);
  });

  test('to nowhere are answered in the same shape', async () => {
    await using api = await testApi();
    expect(await api.client().get('/nowhere')).toMatchObject({
      status: 404,
      body: { code: 404, errorType: 'not_found' },
    });
  });
});

describe('health', () => {
  test('says that the process lives, and whether its store does', async () => {
    await using api = await testApi();
    const nobody = api.client();
    expect(await nobody.get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await nobody.get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
    api.store.setAvailable(false);
    expect((await nobody.get('/healthz')).status).toBe(200);
    expect(await nobody.get('/readyz')).toMatchObject({ status: 503, body: { errorType: 'store_unavailable' } });
    expect((await nobody.get('system/version')).body).toMatchObject({ version: '1.13.3' });
  });
});

test('the page about REST has the same table', async () => {
  const page = await readFile(new URL('../../REST.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z]+\.[a-z]+)` +\|(.+)\|$/gm)].map(([, operation = '', cells = '']) => ({
    operation,
    roles: ROLES.filter((_, index) => cells.split('|')[index]?.trim() === 'yes'),
  }));
  const wanted = Object.entries(ACCESS)
    .filter(([, roles]) => roles !== 'public')
    .map(([operation]) => ({ operation, roles: ROLES.filter((role) => mayDo(role, operation as Operation)) }))
    .sort((a, b) => (a.operation < b.operation ? -1 : 1));
  expect(rows).toEqual(wanted);
});
