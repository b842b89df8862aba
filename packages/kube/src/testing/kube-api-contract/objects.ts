import { rejection, until } from '@runner/core/testing';
import { expect, it } from 'vitest';
import type { Job, ResourceType } from '../../objects.ts';
import { CONFIG_MAPS, JOBS } from '../../objects.ts';
import type { KubeContractContext } from './subject.ts';
import { configMap, idleJob, within } from './subject.ts';

const UNKNOWN: ResourceType = {
  apiVersion: 'nothing.test/v1',
  kind: 'Nothing',
  plural: 'nothings',
  namespaced: true,
};

export function objectCases({ make, timeoutMs }: KubeContractContext): void {
  it('creates an object and gives it back as the server keeps it', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { object, created } = await api.create(CONFIG_MAPS, namespace, configMap('one', { a: 'b' }), { signal });
    expect(created).toBe(true);
    expect(object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } });
    expect(object.metadata).toMatchObject({ name: 'one', namespace });
    expect(object.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(object.metadata?.resourceVersion).toMatch(/^\d+$/);
    expect(Date.parse(object.metadata?.creationTimestamp ?? '')).toBeGreaterThan(0);
    expect(await api.get(CONFIG_MAPS, namespace, 'one', { signal })).toEqual(object);
  });

  it('adopts an object that stands already, as it stands', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const first = await api.create(CONFIG_MAPS, namespace, configMap('one', { by: 'first' }), { signal });
    const second = await api.create(CONFIG_MAPS, namespace, configMap('one', { by: 'second' }), { signal });
    expect(second).toEqual({ object: first.object, created: false });
  });

  it('makes one object of many concurrent creates', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const results = await Promise.all(
      Array.from({ length: 8 }, () => api.create(JOBS, namespace, idleJob('one'), { signal })),
    );
    expect(results.filter((result) => result.created)).toHaveLength(1);
    expect(new Set(results.map((result) => result.object.metadata?.uid)).size).toBe(1);
  });

  it('gives undefined for an object that does not exist', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    expect(await api.get(CONFIG_MAPS, namespace, 'none', { signal })).toBeUndefined();
    expect(await api.get(CONFIG_MAPS, `${namespace}-none`, 'none', { signal })).toBeUndefined();
    expect(await api.patch(CONFIG_MAPS, namespace, 'none', { data: { a: 'b' } }, { signal })).toBeUndefined();
  });

  it('says that a namespace does not exist when something is created in it', async () => {
    await using subject = await make();
    const nowhere = `${subject.namespace}-none`;
    const signal = within(timeoutMs);
    const error = await rejection(subject.api.create(CONFIG_MAPS, nowhere, configMap('one'), { signal }));
    expect(error).toMatchObject({ code: 'kube_not_found', retryable: false, details: { missing: 'namespace' } });
    expect(error.message).toContain(nowhere);
  });

  it('says that a kind does not exist', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const list = await rejection(api.list(UNKNOWN, namespace, { signal }));
    expect(list).toMatchObject({ code: 'kube_not_found', details: { missing: 'kind' } });
    const get = await rejection(api.get(UNKNOWN, namespace, 'one', { signal }));
    expect(get).toMatchObject({ code: 'kube_not_found', details: { missing: 'kind' } });
  });

  it('refuses an object that makes no sense, and names the field', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const job = idleJob('wrong');
    const always = { ...job.spec?.template.spec, restartPolicy: 'Always', containers: [{ name: 'main', image: 'a' }] };
    const wrong: Job = { ...job, spec: { ...job.spec, template: { spec: always } } };
    const error = await rejection(api.create(JOBS, namespace, wrong, { signal }));
    expect(error).toMatchObject({ code: 'kube_invalid', retryable: false, details: { status: 422 } });
    expect(error.message).toContain('restartPolicy');
    const name = await rejection(api.create(CONFIG_MAPS, namespace, configMap('Not_A_Name'), { signal }));
    expect(name).toMatchObject({ code: 'kube_invalid', details: { status: 422 } });
  });

  it('says that a quota is used up', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    await subject.quota('jobs.batch', 1);
    const signal = within(timeoutMs);
    await api.create(JOBS, namespace, idleJob('fits'), { signal });
    const error = await rejection(api.create(JOBS, namespace, idleJob('too-many'), { signal }));
    expect(error).toMatchObject({ code: 'kube_quota_exceeded', retryable: true, details: { status: 403 } });
    expect(error.message).toContain('exceeded quota');
  });

  it('merges a patch: what is null goes, what is not named stays', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { object } = await api.create(CONFIG_MAPS, namespace, configMap('one', { a: '1', b: '2' }), { signal });
    const patched = await api.patch(CONFIG_MAPS, namespace, 'one', { data: { a: null, c: '3' } }, { signal });
    expect(patched?.data).toEqual({ b: '2', c: '3' });
    expect(patched?.metadata?.uid).toBe(object.metadata?.uid);
    expect(patched?.metadata?.resourceVersion).not.toBe(object.metadata?.resourceVersion);
  });

  it('refuses a patch with a resource version that is not the newest', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { object } = await api.create(CONFIG_MAPS, namespace, configMap('one', { a: '1' }), { signal });
    const old = { metadata: { resourceVersion: object.metadata?.resourceVersion }, data: { a: 'mine' } };
    await api.patch(CONFIG_MAPS, namespace, 'one', { data: { a: 'theirs' } }, { signal });
    const error = await rejection(api.patch(CONFIG_MAPS, namespace, 'one', old, { signal }));
    expect(error).toMatchObject({
      code: 'kube_conflict',
      retryable: true,
      details: { status: 409, reason: 'Conflict' },
    });
    expect((await api.get(CONFIG_MAPS, namespace, 'one', { signal }))?.data).toEqual({ a: 'theirs' });
  });

  it('deletes, and has nothing against doing it twice', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    await api.create(CONFIG_MAPS, namespace, configMap('one'), { signal });
    await api.delete(CONFIG_MAPS, namespace, 'one', { signal, propagation: 'Background' });
    expect(await api.get(CONFIG_MAPS, namespace, 'one', { signal })).toBeUndefined();
    await api.delete(CONFIG_MAPS, namespace, 'one', { signal });
    await api.delete(CONFIG_MAPS, `${namespace}-none`, 'one', { signal });
  });

  it('deletes only the object of the given uid', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { object } = await api.create(CONFIG_MAPS, namespace, configMap('one'), { signal });
    const uid = '00000000-0000-4000-8000-000000000000';
    const error = await rejection(api.delete(CONFIG_MAPS, namespace, 'one', { signal, uid }));
    expect(error.code).toBe('kube_conflict');
    await api.delete(CONFIG_MAPS, namespace, 'one', {
      signal,
      propagation: 'Background',
      ...(object.metadata?.uid === undefined ? {} : { uid: object.metadata.uid }),
    });
    expect(await api.get(CONFIG_MAPS, namespace, 'one', { signal })).toBeUndefined();
  });

  it('deletes in the foreground: what the object owns goes before it', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { object: owner } = await api.create(CONFIG_MAPS, namespace, configMap('owner'), { signal });
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata?.uid ?? '' };
    const owned = configMap('owned');
    await api.create(
      CONFIG_MAPS,
      namespace,
      { ...owned, metadata: { ...owned.metadata, ownerReferences: [{ ...reference, blockOwnerDeletion: true }] } },
      { signal },
    );
    await api.delete(CONFIG_MAPS, namespace, 'owner', { signal });
    const gone = async (name: string): Promise<true | undefined> =>
      (await api.get(CONFIG_MAPS, namespace, name, { signal })) === undefined ? true : undefined;
    await until('the owner is gone', () => gone('owner'), timeoutMs);
    expect(await gone('owned')).toBe(true);
  });
}
