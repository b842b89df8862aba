import { rejection } from '@runner/core/testing';
import { expect, it } from 'vitest';
import type { KubeApi, WatchEvent, WatchOptions } from '../../api/kube-api.ts';
import type { ConfigMap } from '../../objects.ts';
import { CONFIG_MAPS } from '../../objects.ts';
import type { KubeContractContext } from './subject.ts';
import { configMap, SUITE_LABEL, within } from './subject.ts';

type Seen = readonly [type: string, name: string | undefined];

const seen = (event: WatchEvent<ConfigMap>): Seen =>
  event.type === 'BOOKMARK' ? [event.type, undefined] : [event.type, event.object.metadata?.name];

/** The first so many changes of a watch, which is then left. */
async function firstChanges(
  api: KubeApi,
  namespace: string,
  options: WatchOptions,
  count: number,
): Promise<readonly WatchEvent<ConfigMap>[]> {
  const events: WatchEvent<ConfigMap>[] = [];
  for await (const event of api.watch(CONFIG_MAPS, namespace, options)) {
    if (event.type !== 'BOOKMARK') events.push(event);
    if (events.length === count) break;
  }
  return events;
}

export function watchingCases({ make, timeoutMs }: KubeContractContext): void {
  it('tells what is added, modified and deleted after a list', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    await api.create(CONFIG_MAPS, namespace, configMap('before'), { signal });
    const { resourceVersion } = await api.list(CONFIG_MAPS, namespace, { signal, labelSelector: SUITE_LABEL });
    const options = { signal, labelSelector: SUITE_LABEL, resourceVersion, timeoutSeconds: 60 };
    const watched = firstChanges(api, namespace, options, 3);
    await api.create(CONFIG_MAPS, namespace, configMap('one'), { signal });
    const patched = await api.patch(CONFIG_MAPS, namespace, 'one', { data: { a: 'b' } }, { signal });
    await api.delete(CONFIG_MAPS, namespace, 'one', { signal, propagation: 'Background' });
    const events = await watched;
    expect(events.map(seen)).toEqual([
      ['ADDED', 'one'],
      ['MODIFIED', 'one'],
      ['DELETED', 'one'],
    ]);
    expect(events[1]).toEqual({ type: 'MODIFIED', object: patched });
    const versions = events.map((event) =>
      event.type === 'BOOKMARK' ? 0 : Number(event.object.metadata?.resourceVersion),
    );
    expect([...versions].sort((a, b) => a - b)).toEqual(versions);
  });

  it('tells what happened between the list and the watch', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await api.list(CONFIG_MAPS, namespace, { signal, labelSelector: SUITE_LABEL });
    await api.create(CONFIG_MAPS, namespace, configMap('one'), { signal });
    await api.create(CONFIG_MAPS, namespace, configMap('two'), { signal });
    const options = { signal, labelSelector: SUITE_LABEL, resourceVersion, timeoutSeconds: 60 };
    expect((await firstChanges(api, namespace, options, 2)).map(seen)).toEqual([
      ['ADDED', 'one'],
      ['ADDED', 'two'],
    ]);
  });

  it('tells an object that no longer matches as deleted, and one that begins to as added', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    await api.create(CONFIG_MAPS, namespace, configMap('one', {}, 'red'), { signal });
    const { resourceVersion } = await api.list(CONFIG_MAPS, namespace, { signal });
    const labelled = (label: string): Record<string, unknown> => ({ metadata: { labels: { [SUITE_LABEL]: label } } });
    await api.patch(CONFIG_MAPS, namespace, 'one', labelled('blue'), { signal });
    await api.patch(CONFIG_MAPS, namespace, 'one', labelled('red'), { signal });
    const options = { signal, labelSelector: `${SUITE_LABEL}=red`, resourceVersion, timeoutSeconds: 60 };
    expect((await firstChanges(api, namespace, options, 2)).map(seen)).toEqual([
      ['DELETED', 'one'],
      ['ADDED', 'one'],
    ]);
  });

  it('ends by itself after the time it was asked for, with a bookmark to go on from', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { resourceVersion } = await api.list(CONFIG_MAPS, namespace, { signal, labelSelector: SUITE_LABEL });
    await api.create(CONFIG_MAPS, namespace, configMap('one'), { signal });
    const options = { signal, labelSelector: SUITE_LABEL, resourceVersion, timeoutSeconds: 4 };
    const events: WatchEvent<ConfigMap>[] = [];
    for await (const event of api.watch(CONFIG_MAPS, namespace, options)) events.push(event);
    expect(events.map(seen)).toContainEqual(['ADDED', 'one']);
    const last = events.at(-1);
    if (last?.type !== 'BOOKMARK') expect.fail(`the last event is ${last?.type ?? 'none'}`);
    expect(Number(last.resourceVersion)).toBeGreaterThan(Number(resourceVersion));
    // Nothing is told again from there.
    await api.create(CONFIG_MAPS, namespace, configMap('two'), { signal });
    const next = { ...options, resourceVersion: last.resourceVersion, timeoutSeconds: 60 };
    expect((await firstChanges(api, namespace, next, 1)).map(seen)).toEqual([['ADDED', 'two']]);
  });

  it('says that a resource version is too old', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const resourceVersion = await subject.expiredVersion();
    const options = { signal: within(timeoutMs), resourceVersion, timeoutSeconds: 60 };
    const error = await rejection(firstChanges(api, namespace, options, 1));
    expect(error).toMatchObject({ code: 'kube_expired', retryable: true });
  });

  it('ends at once when its signal is aborted', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const { resourceVersion } = await api.list(CONFIG_MAPS, namespace, { signal: within(timeoutMs) });
    const stop = new AbortController();
    const options = { signal: stop.signal, resourceVersion, timeoutSeconds: 60 };
    const watched = rejection(firstChanges(api, namespace, options, 2));
    await api.create(CONFIG_MAPS, namespace, configMap('one'), { signal: within(timeoutMs) });
    stop.abort();
    expect((await watched).code).toBe('aborted');
  });
}
