import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/store/ports.ts';
import { makeAll, makeService, testApi, triggerRun } from '../support/api.ts';

const BASE = 'ingestionRunners';
const names = (body: JsonObject): unknown[] => (body['data'] as JsonObject[]).map(({ name }) => name);

describe('ingestion runners', () => {
  test('are listed with what their agent said, Active while it holds a session', async () => {
    await using api = await testApi();
    await api.runner('aws-prod');
    await api.store.runners.seen('aws-prod', api.clock.now(), {
      agentVersion: '1.2.3',
      executor: 'k8s',
      secretsManager: 'managed-aws',
      slots: { total: 10, free: 4, types: {} },
      scope: { id: 's', description: 'namespace x' },
      capabilities: 'not what it should be',
    });
    const { body } = await api.user.get(BASE);
    expect(names(body)).toEqual(['SaaSRunner', 'aws-prod']);
    expect((body['data'] as JsonObject[])[1]).toMatchObject({
      name: 'aws-prod',
      status: 'Active',
      kind: 'hybrid',
      lastSeenAt: api.clock.now(),
      agentVersion: '1.2.3',
      executor: 'k8s',
      secretsManager: 'managed-aws',
      slots: { total: 10, free: 4 },
    });
    expect((body['data'] as JsonObject[])[0]).toMatchObject({
      kind: 'saas',
      status: 'Inactive',
      displayName: 'SaaS Runner',
    });
    for (const status of ['Active', 'Connected']) {
      expect(names((await api.user.get(`${BASE}?status=${status}`)).body)).toEqual(['aws-prod']);
    }
    expect(names((await api.user.get(`${BASE}?status=Inactive`)).body)).toEqual(['SaaSRunner']);
    await api.clock.advance(61_000);
    expect(names((await api.user.get(`${BASE}?status=Active`)).body)).toEqual([]);
    expect((await api.user.get(`${BASE}?status=Sleepy`)).status).toBe(400);
  });

  test('come with a token that is shown once and speaks as them', async () => {
    await using api = await testApi();
    const { status, body } = await api.admin.post(BASE, { name: 'aws-prod', displayName: 'AWS' });
    expect(status).toBe(201);
    const token = String(body['token']);
    expect(await api.auth.agentIdentity(`Bearer ${token}`)).toMatchObject({ agentIds: ['aws-prod'] });
    const runner = body['runner'] as JsonObject;
    for (const path of [`${BASE}/${String(runner['id'])}`, `${BASE}/aws-prod`, `${BASE}/name/aws-prod`]) {
      const answer = await api.user.get(path);
      expect(answer.body).toEqual(runner);
      expect(answer.text).not.toContain(token);
    }
    expect((await api.admin.get('tokens?role=runner')).text).not.toContain(token);
    expect(await api.admin.post(BASE, { name: 'aws-prod' })).toMatchObject({ status: 409 });
    for (const name of ['', 'a b', '../x', 'x'.repeat(200), '-x']) {
      expect((await api.admin.post(BASE, { name })).status).toBe(400);
    }
    expect((await api.admin.post(BASE, { name: 'late', expiresAt: api.clock.now() - 1 })).status).toBe(400);
  });

  test('see nothing but themselves', async () => {
    await using api = await testApi();
    const { body } = await api.admin.post(BASE, { name: 'aws-prod' });
    await api.admin.post(BASE, { name: 'other' });
    const own = api.client(String(body['token']));
    expect(names((await own.get(BASE)).body)).toEqual(['aws-prod']);
    expect((await own.get(`${BASE}/aws-prod`)).status).toBe(200);
    expect((await own.get(`${BASE}/other`)).status).toBe(403);
  });

  test('get a new token, and the old one is refused and its sockets closed', async () => {
    await using api = await testApi();
    const { body } = await api.admin.post(BASE, { name: 'aws-prod' });
    const { id } = body['runner'] as { id: string };
    const rotated = await api.admin.post(`${BASE}/${id}/rotate-token`);
    await expect(api.auth.agentIdentity(`Bearer ${String(body['token'])}`)).rejects.toMatchObject({
      code: 'token_revoked',
    });
    await api.auth.agentIdentity(`Bearer ${String(rotated.body['token'])}`);
    expect(api.disconnected).toEqual(['aws-prod']);
  });

  test('are revoked with all their tokens, and admitted again by a new one', async () => {
    await using api = await testApi();
    const { body } = await api.admin.post(BASE, { name: 'aws-prod' });
    const { id } = body['runner'] as { id: string };
    expect((await api.admin.post(`${BASE}/${id}/revoke`)).body).toMatchObject({ revoked: true, status: 'Inactive' });
    await expect(api.auth.agentIdentity(`Bearer ${String(body['token'])}`)).rejects.toMatchObject({
      code: 'token_revoked',
    });
    expect(api.disconnected).toEqual(['aws-prod']);
    expect((await api.admin.post(`${BASE}/${id}/rotate-token`)).body).toMatchObject({ runner: { revoked: false } });
  });

  test('are deleted only when nothing needs them', async () => {
    await using api = await testApi();
    const { runner, service, pipeline } = await makeAll(api);
    const path = `${BASE}/${runner.id}`;
    expect(await api.admin.delete(path)).toMatchObject({ status: 409, body: { errorType: 'not_empty' } });
    await triggerRun(api, pipeline.id);
    await api.admin.patch(`services/databaseServices/${service.id}`, [{ op: 'remove', path: '/ingestionRunner' }]);
    expect(await api.admin.delete(path)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('open') as string },
    });
    await api.trigger.kill(pipeline.id);
    expect((await api.admin.delete(path)).status).toBe(200);
    expect((await api.admin.get(path)).status).toBe(404);
    const { body } = await api.admin.get(`${BASE}/SaaSRunner`);
    expect((await api.admin.delete(`${BASE}/${String(body['id'])}`)).status).toBe(409);
  });

  test('may work elsewhere when an administrator says so', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    await makeService(api, runner);
    expect((await api.user.post(`${BASE}/${runner.id}/release-scope`)).status).toBe(403);
    expect((await api.admin.post(`${BASE}/${runner.id}/release-scope`)).body).toMatchObject({ status: 'Inactive' });
    expect(api.disconnected).toEqual([]);
    expect((await api.admin.post(`${BASE}/00000000-0000-4000-8000-000000000000/revoke`)).status).toBe(404);
  });

  test('have one default entry, however many replicas start', async () => {
    await using api = await testApi();
    const { ensureDefaultRunner } = await import('../../src/api/resources/ingestion-runners.ts');
    const random = { next: Math.random, uuid: () => crypto.randomUUID() };
    await Promise.all([1, 2, 3].map(() => ensureDefaultRunner({ store: api.store, random })));
    expect(names((await api.user.get(BASE)).body)).toEqual(['SaaSRunner']);
  });
});

describe('tokens', () => {
  test('are issued, listed without themselves, and revoked', async () => {
    await using api = await testApi();
    const expiresAt = api.clock.now() + 1_000;
    const { status, body } = await api.admin.post('tokens', { role: 'bot', subject: 'ingestion-bot', expiresAt });
    expect(status).toBe(201);
    const token = String(body['token']);
    const row = body['row'] as JsonObject;
    expect(row).toMatchObject({ role: 'bot', subject: 'ingestion-bot', expiresAt });
    expect((await api.client(token).get('runs')).status).toBe(200);
    const list = await api.admin.get('tokens?role=bot');
    expect(list.text).not.toContain(token);
    expect((list.body['data'] as JsonObject[]).map(({ id }) => id)).toContain(row['id']);
    expect((await api.admin.post(`tokens/${String(row['id'])}/revoke`)).body).toMatchObject({
      revokedAt: api.clock.now(),
    });
    expect((await api.client(token).get('runs')).status).toBe(401);
    expect((await api.admin.post('tokens/nobody/revoke')).status).toBe(404);
    expect((await api.admin.post('tokens', { role: 'runner', subject: 'x' })).status).toBe(400);
    expect((await api.admin.post('tokens', { role: 'bot', subject: 'x', expiresAt: 1 })).status).toBe(400);
  });

  test('cannot revoke themselves, so that nobody locks everybody out', async () => {
    await using api = await testApi();
    const { token, row } = await api.auth.issue({ role: 'admin', subject: 'a' });
    expect(await api.client(token).post(`tokens/${row.id}/revoke`)).toMatchObject({ status: 409 });
  });
});
