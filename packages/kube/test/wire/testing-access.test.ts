import { expect, it } from 'vitest';
import { PODS } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { TestRight } from '../../src/testing/index.ts';
import { CONFIG_MAPS_PATH, JOBS_PATH, PODS_PATH, field, job, speaker } from '../support/testing-http.ts';

const RIGHTS: readonly TestRight[] = [
  { group: 'batch', resources: ['jobs'], verbs: ['get', 'list', 'create'] },
  { group: '', resources: ['pods', 'pods/log'], verbs: ['get'] },
];

it('refuses what no rule allows, in the words of RBAC', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server, RIGHTS);
  expect((await ask('POST', JOBS_PATH, job('a'))).status).toBe(201);
  const patched = await ask('PATCH', `${JOBS_PATH}/a`, {}, 'application/merge-patch+json');
  expect(patched.body).toMatchObject({
    code: 403,
    reason: 'Forbidden',
    details: { name: 'a', group: 'batch', kind: 'jobs' },
  });
  expect(field(patched.body, 'message')).toMatch(
    /^jobs\.batch "a" is forbidden: User "system:serviceaccount:default:test-\d+" cannot patch resource "jobs" in API group "batch" in the namespace "default"$/,
  );
  expect((await ask('GET', `${PODS_PATH}?watch=1`)).status).toBe(403);
  expect((await ask('GET', PODS_PATH)).status).toBe(403);
  expect((await ask('GET', '/api/v1/nodes')).body).toMatchObject({
    message: expect.stringContaining('cannot list resource "nodes" in API group "" at the cluster scope') as unknown,
  });
});

it('asks for the log of a pod as for a resource of its own', async () => {
  await using server = await startTestApiServer();
  const missing = [{ group: '', resources: ['pods'], verbs: ['*'] }];
  expect((await speaker(server, missing).ask('GET', `${PODS_PATH}/p/log`)).body).toMatchObject({
    code: 403,
    message: expect.stringContaining('cannot get resource "pods/log"') as unknown,
  });
  expect((await speaker(server, RIGHTS).ask('GET', `${PODS_PATH}/p/log`)).status).toBe(404);
});

it('knows nobody by a token it did not give, or took back', async () => {
  await using server = await startTestApiServer();
  const token = server.token();
  const get = async (): Promise<number> =>
    (await fetch(server.url + JOBS_PATH, { headers: { authorization: `Bearer ${token}` } })).status;
  expect(await get()).toBe(200);
  server.revoke(token);
  expect(await get()).toBe(401);
  expect((await fetch(server.url + JOBS_PATH)).status).toBe(403);
  expect((await fetch(`${server.url}/version`)).status).toBe(200);
});

it('answers what somebody may do', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server, RIGHTS);
  const may = async (resourceAttributes: object): Promise<unknown> => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    return field((await ask('POST', path, { spec: { resourceAttributes } })).body, 'status', 'allowed');
  };
  expect(await may({ verb: 'create', group: 'batch', resource: 'jobs', namespace: 'default' })).toBe(true);
  expect(await may({ verb: 'delete', group: 'batch', resource: 'jobs', namespace: 'default' })).toBe(false);
  expect(await may({ verb: 'get', resource: 'pods', subresource: 'log', namespace: 'default' })).toBe(true);
  expect(await may({ verb: 'get', resource: 'pods', subresource: 'exec', namespace: 'default' })).toBe(false);
});

it('holds a namespace to its quota', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  server.quota('default', 'count/jobs.batch', 1);
  expect((await ask('POST', JOBS_PATH, job('a'))).status).toBe(201);
  expect((await ask('POST', JOBS_PATH, job('b'))).body).toMatchObject({
    code: 403,
    reason: 'Forbidden',
    message:
      'jobs.batch "b" is forbidden: exceeded quota: quota, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1',
  });
  await ask('DELETE', `${JOBS_PATH}/a`);
  expect((await ask('POST', JOBS_PATH, job('b'))).status).toBe(201);
  expect((await ask('POST', CONFIG_MAPS_PATH, { metadata: { name: 'c' } })).status).toBe(201);
});

it('counts pods that are over for one quota of pods and not for the other', async () => {
  await using server = await startTestApiServer();
  server.quota('default', 'pods', 1);
  const spec = { containers: [{ name: 'main', image: 'x' }] };
  server.put(PODS, { metadata: { name: 'over' }, spec, status: { phase: 'Failed' } });
  expect(server.overQuota(PODS, 'default', 'p')).toBeUndefined();
  server.quota('default', 'count/pods', 1);
  expect(server.overQuota(PODS, 'default', 'p')).toContain('exceeded quota');
});
