import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/store/ports.ts';
import { makePipeline, makeService, testApi } from '../support/api.ts';

const BASE = 'services/databaseServices';
const KINDS = [
  'database',
  'dashboard',
  'messaging',
  'pipeline',
  'mlmodel',
  'metadata',
  'search',
  'storage',
  'api',
  'security',
  'drive',
];

describe('services', () => {
  test('of every kind of OpenMetadata can be made, read, listed and deleted', async () => {
    await using api = await testApi();
    for (const kind of KINDS) {
      const base = `services/${kind}Services`;
      const created = await api.user.post(base, { name: 'one', serviceType: 'Custom' });
      expect(created).toMatchObject({
        status: 201,
        body: {
          name: 'one',
          fullyQualifiedName: 'one',
          version: 0.1,
          updatedBy: 'the user',
          href: expect.stringContaining(`http://cp.test/api/v1/${base}/`) as string,
        },
      });
      const id = String(created.body['id']);
      expect((await api.bot.get(`${base}/${id}`)).body).toEqual(created.body);
      expect((await api.bot.get(`${base}/name/one`)).body).toEqual(created.body);
      expect((await api.bot.get(base)).body).toMatchObject({ data: [{ id }], paging: { total: 1 } });
      expect((await api.user.delete(`${base}/${id}?hardDelete=true&recursive=true`)).body).toMatchObject({
        deleted: true,
      });
      expect((await api.user.get(`${base}/${id}`)).status).toBe(404);
    }
  });

  test('are paged with OpenMetadata’s cursors', async () => {
    await using api = await testApi();
    for (const name of ['c', 'a', 'd', 'b']) await api.user.post(BASE, { name, serviceType: 'Mysql' });
    const names = (body: JsonObject): unknown[] => (body['data'] as JsonObject[]).map((each) => each['name']);
    const first = await api.user.get(`${BASE}?limit=3`);
    expect(names(first.body)).toEqual(['a', 'b', 'c']);
    const { after } = first.body['paging'] as { after: string };
    const second = await api.user.get(`${BASE}?limit=3&after=${after}`);
    expect(names(second.body)).toEqual(['d']);
    const { before } = second.body['paging'] as { before: string };
    expect(names((await api.user.get(`${BASE}?limit=3&before=${before}`)).body)).toEqual(['a', 'b', 'c']);
    expect(await api.user.get(`${BASE}?after=nonsense!`)).toMatchObject({
      status: 400,
      body: { errorType: 'invalid_cursor' },
    });
    expect((await api.user.get(`${BASE}?limit=5000`)).status).toBe(400);
  });

  test('with a name that others use, with dots or slashes or 256 characters are found by their FQN', async () => {
    await using api = await testApi();
    for (const name of ['a.b', 'a/b', 'ä b', '"quoted"', 'x'.repeat(256), '%2F', 'ф'.repeat(256)]) {
      const { status, body } = await api.user.post(BASE, { name, serviceType: 'Mysql' });
      expect(status).toBe(201);
      const fqn = String(body['fullyQualifiedName']);
      expect((await api.user.get(`${BASE}/name/${encodeURIComponent(fqn)}`)).body).toEqual(body);
    }
    for (const name of ['', 'a::b', 'line\nbreak', 'x'.repeat(257)]) {
      expect((await api.user.post(BASE, { name, serviceType: 'Mysql' })).status).toBe(400);
    }
  });

  test('exist once under a name', async () => {
    await using api = await testApi();
    await api.user.post(BASE, { name: 'w', serviceType: 'Mysql' });
    expect(await api.user.post(BASE, { name: 'w', serviceType: 'Mysql' })).toMatchObject({
      status: 409,
      body: { errorType: 'already_exists' },
    });
  });

  test('name their runner by id or by name and show the whole reference', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const reference = {
      id: runner.id,
      type: 'ingestionRunner',
      name: 'runner-a',
      fullyQualifiedName: 'runner-a',
      deleted: false,
    };
    for (const ingestionRunner of [{ id: runner.id }, { name: 'runner-a' }]) {
      const { body } = await api.user.put(BASE, { name: 'w', serviceType: 'Mysql', ingestionRunner });
      expect(body['ingestionRunner']).toEqual(reference);
    }
    const unknown = { name: 'x', serviceType: 'Mysql', ingestionRunner: { name: 'nobody' } };
    expect(await api.user.post(BASE, unknown)).toMatchObject({ status: 422, body: { errorType: 'runner_not_found' } });
    await api.store.runners.update(runner.id, { revoked: true });
    const revoked = { name: 'x', serviceType: 'Mysql', ingestionRunner: { name: 'runner-a' } };
    expect((await api.user.post(BASE, revoked)).status).toBe(422);
    // What is not about the runner can still be changed.
    expect((await api.user.put(BASE, { name: 'w', serviceType: 'Mysql', description: 'd' })).status).toBe(200);
  });
});

describe('credentials of a service', () => {
  const plaintext = { hostPort: 'db:5432', authType: { password: 'hunter2hunter2' } };

  test('on a hybrid runner are references, or the service is refused with the place of each', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const ingestionRunner = { id: runner.id };
    const refused = {
      status: 422,
      body: {
        errorType: 'plaintext_secret',
        errors: [{ pointer: '/connection/config/authType/password', code: 'plaintext_secret' }],
      },
    };
    const body = { name: 'w', serviceType: 'Postgres', connection: { config: plaintext }, ingestionRunner };
    for (const answer of [await api.user.post(BASE, body), await api.user.put(BASE, body)]) {
      expect(answer).toMatchObject(refused);
      expect(answer.text).not.toContain('hunter2');
    }
    const service = await makeService(api, runner);
    const update = { ...body, name: 'warehouse' };
    const patch = [{ op: 'replace', path: '/connection/config/authType/password', value: 'hunter2hunter2' }];
    for (const answer of [await api.user.put(BASE, update), await api.user.patch(`${BASE}/${service.id}`, patch)]) {
      expect(answer).toMatchObject(refused);
      expect(answer.text).not.toContain('hunter2');
    }
    expect(api.log.text()).not.toContain('hunter2');
  });

  test('that moves to a hybrid runner are refused too', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    const { body } = await api.user.post(BASE, {
      name: 'w',
      serviceType: 'Postgres',
      connection: { config: plaintext },
    });
    const patch = [{ op: 'add', path: '/ingestionRunner', value: { id: runner.id, type: 'ingestionRunner' } }];
    expect((await api.user.patch(`${BASE}/${String(body['id'])}`, patch)).status).toBe(422);
  });

  test('that name a secret which the runner cannot have are refused', async () => {
    await using api = await testApi();
    const runner = await api.runner('runner-a', { secretsManager: 'kubernetes' });
    const body = {
      name: 'w',
      serviceType: 'Postgres',
      connection: { config: { authType: { password: 'secret:/collate/hybrid-ingestion-runner/pw' } } },
      ingestionRunner: { id: runner.id },
    };
    expect(await api.user.post(BASE, body)).toMatchObject({
      status: 422,
      body: {
        errorType: 'secret_reference_invalid',
        errors: [
          {
            pointer: '/connection/config/authType/password',
            code: 'secret_id_path',
            hint: expect.any(String) as string,
          },
        ],
      },
    });
    const never = await api.store.runners.ensure('never-connected');
    expect((await api.user.post(BASE, { ...body, ingestionRunner: { id: never.id } })).status).toBe(201);
  });

  test('in plain text, where they are allowed, are never shown and survive being sent back masked', async () => {
    await using api = await testApi();
    const { body } = await api.user.post(BASE, {
      name: 'w',
      serviceType: 'Postgres',
      connection: { config: plaintext },
    });
    expect(body['connection']).toEqual({ config: { hostPort: 'db:5432', authType: { password: '*********' } } });
    const id = String(body['id']);
    for (const answer of [
      await api.user.get(`${BASE}/${id}`),
      await api.admin.get(`${BASE}/name/w`),
      await api.bot.get(BASE),
      await api.user.put(BASE, { name: 'w', serviceType: 'Postgres', connection: body['connection'] }),
      await api.user.patch(`${BASE}/${id}`, [{ op: 'add', path: '/description', value: 'd' }]),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.text).not.toContain('hunter2');
    }
    const stored = await api.store.entities.byId('databaseService', id);
    expect(stored?.json).toMatchObject({ description: 'd', connection: { config: plaintext } });
  });

  test('that are masked and stand for nothing are refused', async () => {
    await using api = await testApi();
    const body = { name: 'w', serviceType: 'Postgres', connection: { config: { authType: { password: '***' } } } };
    expect(await api.user.post(BASE, body)).toMatchObject({
      status: 422,
      body: { errorType: 'masked_value', errors: [{ pointer: '/connection/config/authType/password' }] },
    });
  });

  test('are let through with a warning, or without, where the installation says so', async () => {
    await using warning = await testApi({ plaintextSecrets: 'warn' });
    await makeService(warning, await warning.runner(), 'w', plaintext);
    expect(warning.log.text()).toContain('/connection/config/authType/password');
    expect(warning.log.text()).not.toContain('hunter2');
    await using allowing = await testApi({ plaintextSecrets: 'allow' });
    await makeService(allowing, await allowing.runner(), 'w', plaintext);
  });
});

describe('changing a service', () => {
  test('by PUT keeps what is left out, counts versions and says who', async () => {
    await using api = await testApi();
    const service = await makeService(api, await api.runner());
    const { status, body } = await api.user.put(BASE, {
      name: 'warehouse',
      serviceType: 'Postgres',
      description: 'new',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: service.id,
      description: 'new',
      version: 0.2,
      updatedBy: 'the user',
      connection: service['connection'],
      ingestionRunner: service['ingestionRunner'],
    });
    expect(await api.user.put(BASE, { name: 'warehouse', serviceType: 'Mysql' })).toMatchObject({ status: 409 });
  });

  test('by JSON Patch changes what the patch says and nothing that is the server’s', async () => {
    await using api = await testApi();
    const service = await makeService(api, await api.runner());
    const path = `${BASE}/${service.id}`;
    const patch = [
      { op: 'replace', path: '/connection/config/authType/password', value: 'secret:other' },
      { op: 'add', path: '/displayName', value: 'W' },
      { op: 'replace', path: '/id', value: 'x' },
      { op: 'remove', path: '/ingestionRunner' },
    ];
    const { body } = await api.user.patch(path, patch);
    expect(body).toMatchObject({ id: service.id, displayName: 'W', version: 0.2 });
    expect(JSON.stringify(body)).toContain('secret:other');
    expect(body['ingestionRunner']).toBeUndefined();
    for (const wrong of [
      [{ op: 'replace', path: '/name', value: 'other' }],
      [{ op: 'replace', path: '/serviceType', value: 'no type!' }],
      [{ op: 'remove', path: '/nothing' }],
    ]) {
      expect(await api.user.patch(path, wrong)).toMatchObject({ status: 400, body: { errorType: 'patch_invalid' } });
    }
    expect((await api.user.patch(path, { not: 'a patch' })).status).toBe(400);
  });

  test('by many at once loses none of the changes', async () => {
    await using api = await testApi();
    const service = await makeService(api, await api.runner());
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        api.user.patch(`${BASE}/${service.id}`, [{ op: 'add', path: `/extra${n}`, value: n }]),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const { body } = await api.user.get(`${BASE}/${service.id}`);
    expect(body).toMatchObject({ extra0: 0, extra1: 1, extra2: 2, extra3: 3, extra4: 4, extra5: 5, version: 0.7 });
  });

  test('by many PUTs at once makes one service, and none of them fails', async () => {
    await using api = await testApi();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) => api.user.put(BASE, { name: 'w', serviceType: 'Mysql', [`extra${n}`]: n })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const { body } = await api.user.get(BASE);
    expect(body).toMatchObject({ paging: { total: 1 }, data: [{ extra0: 0, extra5: 5, version: 0.6 }] });
  });

  test('to nothing is refused while pipelines need it', async () => {
    await using api = await testApi();
    const service = await makeService(api, await api.runner());
    const pipeline = await makePipeline(api, service);
    expect(await api.user.delete(`${BASE}/${service.id}`)).toMatchObject({
      status: 409,
      body: { errorType: 'not_empty' },
    });
    await api.user.delete(`services/ingestionPipelines/${pipeline.id}`);
    expect((await api.user.delete(`${BASE}/${service.id}`)).status).toBe(200);
  });
});

describe('definitions of test connections', () => {
  const DEFINITIONS = 'services/testConnectionDefinitions';

  test('exist for common types, under the name that the ingestion library asks for', async () => {
    await using api = await testApi();
    const { body, status } = await api.bot.get(`${DEFINITIONS}/name/Postgres.testConnectionDefinition`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'Postgres', fullyQualifiedName: 'Postgres.testConnectionDefinition' });
    expect((body['steps'] as JsonObject[]).map(({ name, mandatory }) => [name, mandatory])).toEqual([
      ['CheckAccess', true],
      ['GetDatabases', true],
      ['GetSchemas', true],
      ['GetTables', true],
      ['GetViews', false],
      ['GetTags', false],
      ['GetQueries', false],
    ]);
    expect((await api.bot.get(`${DEFINITIONS}/name/Postgres`)).body).toEqual(body);
    for (const name of ['Nothing', 'constructor', '__proto__']) {
      expect((await api.bot.get(`${DEFINITIONS}/name/${name}`)).status).toBe(404);
    }
  });

  test('are added and replaced by an administrator', async () => {
    await using api = await testApi();
    const definition = { name: 'Postgres', steps: [{ name: 'Only', description: 'd' }] };
    expect((await api.user.put(DEFINITIONS, definition)).status).toBe(403);
    const { body } = await api.admin.put(DEFINITIONS, definition);
    expect((await api.bot.get(`${DEFINITIONS}/name/Postgres.testConnectionDefinition`)).body).toEqual(body);
    expect((await api.admin.put(DEFINITIONS, definition)).body).toMatchObject({ id: body['id'], version: 0.2 });
    const { body: list } = await api.bot.get(DEFINITIONS);
    expect((list['data'] as JsonObject[]).filter(({ name }) => name === 'Postgres')).toHaveLength(1);
  });
});
