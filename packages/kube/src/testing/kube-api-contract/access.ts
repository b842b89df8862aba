import { rejection } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { CONFIG_MAPS, JOBS, PODS } from '../../objects.ts';
import type { KubeContractContext } from './subject.ts';
import { configMap, idleJob, within } from './subject.ts';

export function accessCases({ make, timeoutMs }: KubeContractContext): void {
  it('says what it may do', async () => {
    await using subject = await make();
    const { namespace } = subject;
    const api = await subject.as([
      { verb: 'create', group: 'batch', resource: 'jobs' },
      { verb: 'get', group: '', resource: 'pods', subresource: 'log' },
    ]);
    const signal = within(timeoutMs);
    expect(await api.mayI({ verb: 'create', group: 'batch', resource: 'jobs', namespace }, { signal })).toBe(true);
    expect(await api.mayI({ verb: 'delete', group: 'batch', resource: 'jobs', namespace }, { signal })).toBe(false);
    expect(await api.mayI({ verb: 'get', group: '', resource: 'pods', namespace }, { signal })).toBe(false);
    const log = { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace };
    expect(await api.mayI(log, { signal })).toBe(true);
    expect(await api.mayI({ verb: 'create', group: '', resource: 'jobs', namespace }, { signal })).toBe(false);
    const elsewhere = { verb: 'create', group: 'batch', resource: 'jobs', namespace: `${namespace}-none` };
    expect(await api.mayI(elsewhere, { signal })).toBe(false);
  });

  it('is allowed what it may do, and names the right that is missing for the rest', async () => {
    await using subject = await make();
    const { namespace } = subject;
    const api = await subject.as([{ verb: 'create', group: 'batch', resource: 'jobs' }]);
    const signal = within(timeoutMs);
    expect(await api.create(JOBS, namespace, idleJob('one'), { signal })).toMatchObject({ created: true });
    const list = await rejection(api.list(JOBS, namespace, { signal }));
    expect(list).toMatchObject({
      code: 'kube_forbidden',
      retryable: false,
      details: { verb: 'list', resource: 'jobs', namespace, status: 403 },
    });
    expect(list.hint).toContain('apiGroups: ["batch"], resources: ["jobs"], verbs: ["list"]');
    expect((await rejection(api.get(PODS, namespace, 'one', { signal }))).code).toBe('kube_forbidden');
    const create = await rejection(api.create(CONFIG_MAPS, namespace, configMap('one'), { signal }));
    expect(create.code).toBe('kube_forbidden');
    const watch = api.watch(JOBS, namespace, { signal, resourceVersion: '1', timeoutSeconds: 5 });
    expect((await rejection(watch[Symbol.asyncIterator]().next())).code).toBe('kube_forbidden');
    const log = await rejection(api.podLog(namespace, 'one', { signal, container: 'main' }));
    expect(log).toMatchObject({ code: 'kube_forbidden', details: { resource: 'pods/log' } });
  });

  it('names the version of the server', async () => {
    await using subject = await make();
    expect(await subject.api.version({ signal: within(timeoutMs) })).toMatch(/^v1\.\d+\./);
  });
}
