import { expect, it } from 'vitest';
import { CONFIG_MAPS, JOBS, PODS } from '../../src/objects.ts';
import type { Meta, Pod } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { TestApiServer } from '../../src/testing/index.ts';
import {
  CONFIG_MAPS_PATH,
  JOBS_PATH,
  MERGE_PATCH,
  PODS_PATH,
  field,
  job,
  speaker,
  until,
} from '../support/testing-http.ts';
import type { Speaker } from '../support/testing-http.ts';

async function owned(server: TestApiServer, speak: Speaker, blocking = true): Promise<Meta> {
  const made = await speak.ask('POST', JOBS_PATH, job('owner'));
  const uid = String(field(made.body, 'metadata', 'uid'));
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'owner', uid, blockOwnerDeletion: blocking };
  server.put(PODS, pod('dependent', { ownerReferences: [owner] }));
  return { uid };
}

/** A pod that runs on a node, with a grace. */
function pod(name: string, metadata: Meta = {}): Pod {
  return {
    metadata: { ...metadata, name },
    spec: { nodeName: 'node', terminationGracePeriodSeconds: 10, containers: [{ name: 'main', image: 'x' }] },
    status: { phase: 'Running' },
  };
}

it('keeps an object that is deleted in the foreground until its dependents are gone', async () => {
  await using server = await startTestApiServer();
  const speak = speaker(server);
  await owned(server, speak);
  const { body } = await speak.ask('DELETE', `${JOBS_PATH}/owner`, { propagationPolicy: 'Foreground' });
  expect(body).toMatchObject({
    kind: 'Job',
    metadata: { finalizers: ['foregroundDeletion'], deletionGracePeriodSeconds: 0, generation: 2 },
  });
  const dependent = server.object(PODS, 'default', 'dependent');
  expect(dependent?.metadata).toMatchObject({ deletionGracePeriodSeconds: 10 });
  expect(server.object(JOBS, 'default', 'owner')).toBeDefined();
  server.delete(PODS, 'default', 'dependent', { graceSeconds: 0 });
  expect(server.object(PODS, 'default', 'dependent')).toBeUndefined();
  expect(server.object(JOBS, 'default', 'owner')).toBeUndefined();
});

it('does not wait for dependents that do not block', async () => {
  await using server = await startTestApiServer();
  const speak = speaker(server);
  await owned(server, speak, false);
  await speak.ask('DELETE', `${JOBS_PATH}/owner`, { propagationPolicy: 'Foreground' });
  expect(server.object(JOBS, 'default', 'owner')).toBeUndefined();
  expect(server.object(PODS, 'default', 'dependent')?.metadata?.deletionTimestamp).toBeDefined();
});

it('deletes dependents after an object that is deleted in the background', async () => {
  await using server = await startTestApiServer();
  const speak = speaker(server);
  const { uid } = await owned(server, speak);
  const { body } = await speak.ask('DELETE', `${JOBS_PATH}/owner`, { propagationPolicy: 'Background' });
  expect(body).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'owner', kind: 'jobs', uid } });
  expect(server.object(PODS, 'default', 'dependent')?.metadata?.deletionTimestamp).toBeDefined();
});

it('leaves the pods of a Job alone unless it is told otherwise', async () => {
  await using server = await startTestApiServer();
  const speak = speaker(server);
  await owned(server, speak);
  await speak.ask('DELETE', `${JOBS_PATH}/owner`);
  const dependent = server.object(PODS, 'default', 'dependent');
  expect(server.object(JOBS, 'default', 'owner')).toBeUndefined();
  expect(dependent?.metadata?.deletionTimestamp).toBeUndefined();
  expect(dependent?.metadata?.ownerReferences).toBeUndefined();
});

it('collects what was made for an owner that is not there', async () => {
  await using server = await startTestApiServer();
  const uid = '00000000-0000-4000-8000-000000000000';
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'never', uid }];
  const made = await speaker(server).ask('POST', CONFIG_MAPS_PATH, { metadata: { name: 'c', ownerReferences } });
  expect(made.status).toBe(201);
  await until('it is collected', () => (server.objects(CONFIG_MAPS).length === 0 ? true : undefined));
});

it('spares what has another owner', async () => {
  await using server = await startTestApiServer();
  const owners = ['one', 'two'].map((name) => server.put(CONFIG_MAPS, { metadata: { name } }));
  const ownerReferences = owners.map(({ metadata }) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
  }));
  server.put(CONFIG_MAPS, { metadata: { name: 'shared', ownerReferences } });
  server.delete(CONFIG_MAPS, 'default', 'one');
  expect(server.object(CONFIG_MAPS, 'default', 'shared')).toBeDefined();
  server.delete(CONFIG_MAPS, 'default', 'two');
  expect(server.object(CONFIG_MAPS, 'default', 'shared')).toBeUndefined();
});

it('keeps an object that a finalizer holds until the finalizer is gone', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  await ask('POST', CONFIG_MAPS_PATH, { metadata: { name: 'c', finalizers: ['test.example/hold'] } });
  expect((await ask('DELETE', `${CONFIG_MAPS_PATH}/c`)).body).toMatchObject({
    metadata: { deletionGracePeriodSeconds: 0 },
  });
  const more = { metadata: { finalizers: ['test.example/hold', 'test.example/more'] } };
  expect((await ask('PATCH', `${CONFIG_MAPS_PATH}/c`, more, MERGE_PATCH)).status).toBe(422);
  await ask('PATCH', `${CONFIG_MAPS_PATH}/c`, { metadata: { finalizers: null } }, MERGE_PATCH);
  expect((await ask('GET', `${CONFIG_MAPS_PATH}/c`)).status).toBe(404);
});

it('gives pods on a node their grace, hurried but never slowed down, and others none', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  server.put(PODS, pod('running'));
  server.put(PODS, { ...pod('done'), status: { phase: 'Succeeded' } });
  const grace = async (seconds: number): Promise<unknown> =>
    field(
      (await ask('DELETE', `${PODS_PATH}/running`, { gracePeriodSeconds: seconds })).body,
      'metadata',
      'deletionGracePeriodSeconds',
    );
  expect([await grace(20), await grace(30), await grace(5)]).toEqual([20, 20, 5]);
  await ask('DELETE', `${PODS_PATH}/running`, { gracePeriodSeconds: 0 });
  await ask('DELETE', `${PODS_PATH}/done`);
  expect(server.objects(PODS)).toEqual([]);
});

it('deletes only the very object that a precondition names', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  const made = server.put(CONFIG_MAPS, { metadata: { name: 'c' } });
  const path = `${CONFIG_MAPS_PATH}/c`;
  expect((await ask('DELETE', path, { preconditions: { uid: 'another' } })).body).toMatchObject({
    code: 409,
    message: `Operation cannot be fulfilled on ConfigMap "c": the UID in the precondition (another) does not match the UID in record (${made.metadata?.uid ?? ''}). The object might have been deleted and then recreated`,
  });
  expect((await ask('DELETE', path, { preconditions: { uid: made.metadata?.uid } })).status).toBe(200);
  expect((await ask('DELETE', path)).body).toMatchObject({ code: 404, message: 'configmaps "c" not found' });
});
