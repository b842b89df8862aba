import { expect, it } from 'vitest';
import { startTestApiServer } from '../../src/testing/index.ts';
import { CONFIG_MAPS_PATH, JOBS_PATH, MERGE_PATCH, field, job, speaker } from '../support/testing-http.ts';

it('gives a new object what the server owns, and a Job the labels of its pods', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const { status, body } = await ask('POST', JOBS_PATH, job('a', {}, {}, { labels: { own: 'yes' } }));
  const uid = field(body, 'metadata', 'uid');
  expect(status).toBe(201);
  expect(body).toMatchObject({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'a', namespace: 'default', generation: 1, labels: { own: 'yes' } },
    spec: {
      parallelism: 1,
      completions: 1,
      suspend: false,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      template: { metadata: { labels: { 'batch.kubernetes.io/job-name': 'a', 'controller-uid': uid } } },
    },
    status: {},
  });
  expect(field(body, 'metadata', 'creationTimestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect((await ask('GET', `${JOBS_PATH}/a`)).body).toEqual(body);
});

it('says AlreadyExists and NotFound as the real server does', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  await ask('POST', JOBS_PATH, job('a'));
  expect((await ask('POST', JOBS_PATH, job('a'))).body).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'jobs.batch "a" already exists',
    reason: 'AlreadyExists',
    details: { name: 'a', group: 'batch', kind: 'jobs' },
    code: 409,
  });
  expect((await ask('GET', `${JOBS_PATH}/b`)).body).toMatchObject({
    message: 'jobs.batch "b" not found',
    reason: 'NotFound',
    code: 404,
  });
});

it('wants a namespace to exist before something is made in it', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const elsewhere = JOBS_PATH.replace('default', 'elsewhere');
  expect((await ask('POST', elsewhere, job('a'))).body).toMatchObject({
    code: 404,
    message: 'namespaces "elsewhere" not found',
    details: { name: 'elsewhere', kind: 'namespaces' },
  });
  expect((await ask('GET', elsewhere)).body).toMatchObject({ kind: 'JobList', items: [] });
  expect((await ask('POST', '/api/v1/namespaces', { metadata: { name: 'elsewhere' } })).status).toBe(201);
  expect((await ask('POST', elsewhere, job('a'))).status).toBe(201);
});

it('tells a kind that is not served from one whose object is missing', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const gone = await ask('GET', '/apis/nosuch.test/v1/namespaces/default/things');
  expect([gone.status, gone.text]).toEqual([404, '404 page not found\n']);
  expect((await ask('GET', '/apis/batch/v9/namespaces/default/jobs')).body).toMatchObject({
    code: 404,
    message: 'the server could not find the requested resource',
  });
});

it('serves kinds of users as well, and tells what they are in lists', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const path = '/apis/argoproj.io/v1alpha1/namespaces/default/workflows';
  await ask('POST', path, { metadata: { generateName: 'run-' }, spec: { entrypoint: 'main' } });
  const { body } = await ask('GET', path);
  expect(field(body, 'items', 0)).toMatchObject({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: { name: expect.stringMatching(/^run-[a-z0-9]{5}$/) as unknown },
  });
});

it('merges patches, counts changes of the spec, and leaves the version alone when nothing changed', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const made = await ask('POST', JOBS_PATH, job('a', {}, {}, { annotations: { keep: '1', drop: '2' } }));
  const patched = await ask(
    'PATCH',
    `${JOBS_PATH}/a`,
    { metadata: { annotations: { drop: null, add: '3' } }, spec: { activeDeadlineSeconds: 1 } },
    MERGE_PATCH,
  );
  expect(patched.body).toMatchObject({
    metadata: { generation: 2, annotations: { keep: '1', add: '3' } },
    spec: { activeDeadlineSeconds: 1, backoffLimit: 0 },
  });
  expect(field(patched.body, 'metadata', 'annotations', 'drop')).toBeUndefined();
  const version = field(patched.body, 'metadata', 'resourceVersion');
  expect(Number(version)).toBeGreaterThan(Number(field(made.body, 'metadata', 'resourceVersion')));
  const again = await ask('PATCH', `${JOBS_PATH}/a`, { metadata: { annotations: { add: '3' } } }, MERGE_PATCH);
  expect(field(again.body, 'metadata', 'resourceVersion')).toBe(version);
});

it('refuses a change that is based on an old version', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const { body } = await ask('POST', CONFIG_MAPS_PATH, { metadata: { name: 'c' }, data: { a: '1' } });
  const old = field(body, 'metadata', 'resourceVersion');
  const change = { metadata: { name: 'c', resourceVersion: old }, data: { a: '2' } };
  expect((await ask('PATCH', `${CONFIG_MAPS_PATH}/c`, change, MERGE_PATCH)).status).toBe(200);
  for (const [method, type] of [
    ['PATCH', MERGE_PATCH],
    ['PUT', 'application/json'],
  ] as const) {
    expect((await ask(method, `${CONFIG_MAPS_PATH}/c`, { ...change, data: { a: '3' } }, type)).body).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again',
    });
  }
  expect(field((await ask('GET', `${CONFIG_MAPS_PATH}/c`)).body, 'data', 'a')).toBe('2');
});

it('changes the status of a Job by its own path only', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  await ask('POST', JOBS_PATH, job('a'));
  const plain = await ask('PATCH', `${JOBS_PATH}/a`, { status: { active: 4 } }, MERGE_PATCH);
  expect(field(plain.body, 'status')).toEqual({});
  const own = { status: { active: 4 }, spec: { suspend: true } };
  const { body } = await ask('PATCH', `${JOBS_PATH}/a/status`, own, MERGE_PATCH);
  expect([field(body, 'status', 'active'), field(body, 'spec', 'suspend')]).toEqual([4, false]);
});

it.each<readonly [string, object, string]>([
  ['a name with capitals', job('Bad_name'), 'metadata.name: Invalid value: "Bad_name": a lowercase RFC 1123 subdomain'],
  ['no name', job(''), 'metadata.name: Required value: name or generateName is required'],
  [
    'a name too long for labels',
    job('a'.repeat(64)),
    `spec.template.labels: Invalid value: "${'a'.repeat(64)}": must be no more than 63`,
  ],
  [
    'a label value',
    job('a', {}, {}, { labels: { a: '-x' } }),
    'metadata.labels: Invalid value: "-x": a valid label must be',
  ],
  [
    'a variable name',
    withEnv({ name: 'A=B', value: '' }),
    'env[0].name: Invalid value: "A=B": a valid environment variable name',
  ],
  [
    'requests beyond limits',
    withResources({ requests: { memory: '2Gi' }, limits: { memory: '1Gi' } }),
    'resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
  ],
  [
    'a restart policy',
    job('a', {}, { restartPolicy: 'Always' }),
    'restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    'a deadline of zero',
    job('a', {}, { activeDeadlineSeconds: 0 }),
    'activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647',
  ],
  [
    'a toleration',
    job('a', {}, { tolerations: [{ operator: 'Equal' }] }),
    'operator must be Exists when `key` is empty',
  ],
])('refuses %s with 422 and the field', async (_what, object, message) => {
  await using server = await startTestApiServer();
  const { body } = await speaker(server).ask('POST', JOBS_PATH, object);
  expect(body).toMatchObject({ code: 422, reason: 'Invalid', message: expect.stringContaining(message) as unknown });
  expect(server.objects({ apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true })).toEqual([]);
});

function withEnv(variable: object): object {
  return job('a', {}, { containers: [{ name: 'main', image: 'x', env: [variable] }] });
}

function withResources(resources: object): object {
  return job('a', {}, { containers: [{ name: 'main', image: 'x', resources }] });
}

it('refuses what cannot be decoded with 400', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  expect((await ask('POST', JOBS_PATH, withResources({ requests: { cpu: 'much' } }))).body).toMatchObject({
    code: 400,
    message: expect.stringContaining('quantities must match the regular expression') as unknown,
  });
  expect((await ask('POST', JOBS_PATH, withEnv({ name: 'A', value: 1 }))).body).toMatchObject({
    code: 400,
    message: expect.stringContaining('cannot unmarshal number into Go struct field EnvVar') as unknown,
  });
  expect((await ask('POST', JOBS_PATH, '{')).status).toBe(400);
});

it('refuses bodies beyond 3 MiB with 413', async () => {
  await using server = await startTestApiServer();
  const { body } = await speaker(server).ask('POST', CONFIG_MAPS_PATH, {
    metadata: { name: 'c' },
    data: { a: 'x'.repeat(3_200_000) },
  });
  expect(body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
});

it('keeps the template of a Job as it is, except the placement of one that never began', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  await ask('POST', JOBS_PATH, job('running'));
  await ask('POST', JOBS_PATH, job('held', { suspend: true }));
  const placed = { spec: { template: { spec: { nodeSelector: { disk: 'fast' } } } } };
  expect((await ask('PATCH', `${JOBS_PATH}/running`, placed, MERGE_PATCH)).body).toMatchObject({
    code: 422,
    message: expect.stringContaining('spec.template: Invalid value') as unknown,
  });
  expect((await ask('PATCH', `${JOBS_PATH}/held`, placed, MERGE_PATCH)).status).toBe(200);
});

it('stores secrets in base64 and answers them so', async () => {
  await using server = await startTestApiServer();
  const path = CONFIG_MAPS_PATH.replace('configmaps', 'secrets');
  const { body } = await speaker(server).ask('POST', path, { metadata: { name: 's' }, stringData: { a: 'b' } });
  expect(body).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } });
  expect(field(body, 'stringData')).toBeUndefined();
});

it('begins again on the same port with the same objects', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  await ask('POST', CONFIG_MAPS_PATH, { metadata: { name: 'c' } });
  const { url } = server;
  await server.stop();
  await expect(ask('GET', `${CONFIG_MAPS_PATH}/c`)).rejects.toThrow();
  await server.start();
  expect(server.url).toBe(url);
  expect((await ask('GET', `${CONFIG_MAPS_PATH}/c`)).status).toBe(200);
});

it('records what was asked of it', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  await ask('POST', CONFIG_MAPS_PATH, { metadata: { name: 'c' } });
  await ask('GET', `${CONFIG_MAPS_PATH}/nosuch`);
  expect(server.calls).toMatchObject([
    { verb: 'create', resource: 'configmaps', status: 201, body: { metadata: { name: 'c' } } },
    { verb: 'get', resource: 'configmaps', name: 'nosuch', namespace: 'default', status: 404 },
  ]);
});
