import { systemClock, systemRandom } from '@runner/core';
import { rejection, until } from '@runner/core/testing';
import type { ListWatchChange } from '@runner/kube';
import { createListWatch } from '@runner/kube';
import { expect, it } from 'vitest';
import type { Workflow } from '../../workflow/objects.ts';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ArgoContractContext } from './subject.ts';
import { changesUntil, SUITE_LABEL, within } from './subject.ts';

const RED = { labelSelector: `${SUITE_LABEL}=red` };

export function watchingCases({ make, timeoutMs }: ArgoContractContext): void {
  it('tells what is added, modified and deleted after a list, with kind and label', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, namespace, { signal, ...RED });
    const options = { signal, ...RED, resourceVersion, timeoutSeconds: 120 };
    const watched = changesUntil(argo, namespace, options, ({ type }) => type === 'DELETED');
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('other', 'blue'), { signal });
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one', 'red'), { signal });
    await argo.shutdown(namespace, 'one', 'Terminate', { signal });
    await argo.workflows.delete(WORKFLOWS, namespace, 'one', { signal, propagation: 'Background' });
    const events = await watched;
    expect(events.map(({ object }) => object.metadata?.name)).toEqual(events.map(() => 'one'));
    expect(events.map(({ object }) => object.kind)).toEqual(events.map(() => 'Workflow'));
    const types = events.map(({ type }) => type);
    expect([types[0], types.at(-1)]).toEqual(['ADDED', 'DELETED']);
    expect(types.slice(1, -1)).toEqual(types.slice(1, -1).map(() => 'MODIFIED'));
    expect(events.some(({ object }) => object.spec?.shutdown === 'Terminate')).toBe(true);
    const versions = events.map(({ object }) => Number(object.metadata?.resourceVersion));
    expect([...versions].sort((one, other) => one - other)).toEqual(versions);
  });

  it('tells what happened between the list and the watch', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, namespace, { signal, ...RED });
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one', 'red'), { signal });
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('two', 'red'), { signal });
    const options = { signal, ...RED, resourceVersion, timeoutSeconds: 120 };
    const isTwo = (event: { object: Workflow }): boolean => event.object.metadata?.name === 'two';
    const events = await changesUntil(argo, namespace, options, isTwo);
    const added = events.filter(({ type }) => type === 'ADDED').map(({ object }) => object.metadata?.name);
    expect(added).toEqual(['one', 'two']);
  });

  it('ends by itself after the time it was asked for, and goes on from where it was', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, namespace, { signal, ...RED });
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('zero', 'red'), { signal });
    const options = { signal, ...RED, resourceVersion, timeoutSeconds: 4 };
    let last = '';
    for await (const event of argo.workflows.watch(WORKFLOWS, namespace, options)) {
      last = event.type === 'BOOKMARK' ? event.resourceVersion : (event.object.metadata?.resourceVersion ?? '');
    }
    expect(Number(last)).toBeGreaterThan(Number(resourceVersion));
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one', 'red'), { signal });
    const next = { ...options, resourceVersion: last, timeoutSeconds: 120 };
    const isAdded = ({ type }: { readonly type: string }): boolean => type === 'ADDED';
    const events = await changesUntil(argo, namespace, next, isAdded);
    expect(events.at(-1)?.object.metadata?.name).toBe('one');
  });

  it('ends without an error where nothing happened', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, namespace, { signal, ...RED });
    const options = { signal, ...RED, resourceVersion, timeoutSeconds: 1 };
    expect(await changesUntil(argo, namespace, options, () => true)).toEqual([]);
  });

  it('says that a resource version is too old', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const resourceVersion = await subject.expiredVersion();
    const options = { signal: within(timeoutMs), resourceVersion, timeoutSeconds: 60 };
    const error = await rejection(changesUntil(argo, namespace, options, () => true));
    expect(error).toMatchObject({ code: 'kube_expired', retryable: true });
  });

  it('ends at once when its signal is aborted', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, namespace, { signal });
    const stop = new AbortController();
    const options = { signal: stop.signal, resourceVersion, timeoutSeconds: 60 };
    let seen = (): void => undefined;
    const first = new Promise<void>((resolve) => (seen = resolve));
    const watched = rejection(
      changesUntil(argo, namespace, options, () => {
        seen();
        return false;
      }),
    );
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one'), { signal });
    await first;
    stop.abort();
    expect((await watched).code).toBe('aborted');
  });

  it('keeps a list and watch true from the first look to a deletion', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('early', 'red'), { signal });
    const stop = new AbortController();
    const changes: ListWatchChange<string | undefined>[] = [];
    const cache = createListWatch({
      api: argo.workflows,
      type: WORKFLOWS,
      namespace,
      ...RED,
      keep: ({ metadata }) => metadata?.name,
      onChange: (change) => changes.push(change),
      clock: systemClock({ keepAlive: true }),
      random: systemRandom(),
      ...argo.streams,
    });
    const running = cache.run(stop.signal);
    await cache.synced(signal);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('late', 'red'), { signal });
    const holds = (names: readonly string[]) => (): Promise<true | undefined> =>
      Promise.resolve([...cache.values()].sort().join() === names.join() ? true : undefined);
    await until('both are seen', holds(['early', 'late']), timeoutMs);
    await argo.workflows.delete(WORKFLOWS, namespace, 'early', { signal, propagation: 'Background' });
    await until('one is gone', holds(['late']), timeoutMs);
    expect(changes.at(-1)).toEqual(expect.objectContaining({ name: expect.any(String) as string }));
    expect(changes.filter(({ type }) => type === 'gone').map(({ name }) => name)).toEqual(['early']);
    stop.abort();
    await running;
  });
}
