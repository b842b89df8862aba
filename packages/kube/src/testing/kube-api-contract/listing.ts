import { expect, it } from 'vitest';
import { CONFIG_MAPS } from '../../objects.ts';
import type { KubeContractContext } from './subject.ts';
import { configMap, SUITE_LABEL, within } from './subject.ts';

export function listingCases({ make, timeoutMs }: KubeContractContext): void {
  it('lists all pages, and keeps of each object what is asked for', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const names = Array.from({ length: 7 }, (_, index) => `map-${index}`);
    for (const name of names) await api.create(CONFIG_MAPS, namespace, configMap(name), { signal });
    const list = await api.list(CONFIG_MAPS, namespace, {
      signal,
      labelSelector: SUITE_LABEL,
      pageSize: 3,
      keep: (object) => object.metadata?.name,
    });
    expect([...list.items].sort()).toEqual(names);
    expect(list.resourceVersion).toMatch(/^\d+$/);
  });

  it('gives objects of a list their kind, as everywhere else', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    const { object } = await api.create(CONFIG_MAPS, namespace, configMap('one', { a: 'b' }), { signal });
    const { items } = await api.list(CONFIG_MAPS, namespace, { signal, labelSelector: SUITE_LABEL });
    expect(items).toEqual([object]);
  });

  it.each([
    [`${SUITE_LABEL}=red`, ['red']],
    [`${SUITE_LABEL}!=red,${SUITE_LABEL}`, ['blue', 'green']],
    [`${SUITE_LABEL} in (red,green)`, ['green', 'red']],
    [`${SUITE_LABEL} notin (red,green),${SUITE_LABEL}`, ['blue']],
    [`${SUITE_LABEL}=none`, []],
  ])('selects by label: %s', async (labelSelector, expected) => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    for (const name of ['red', 'green', 'blue']) {
      await api.create(CONFIG_MAPS, namespace, configMap(name, {}, name), { signal });
    }
    const { items } = await api.list(CONFIG_MAPS, namespace, { signal, labelSelector });
    expect(items.map((item) => item.metadata?.name).sort()).toEqual(expected);
  });

  it('selects by the name of the object', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    for (const name of ['red', 'green']) await api.create(CONFIG_MAPS, namespace, configMap(name), { signal });
    const { items } = await api.list(CONFIG_MAPS, namespace, { signal, fieldSelector: 'metadata.name=green' });
    expect(items.map((item) => item.metadata?.name)).toEqual(['green']);
  });

  it('finds nothing in a namespace that does not exist', async () => {
    await using subject = await make();
    const list = await subject.api.list(CONFIG_MAPS, `${subject.namespace}-none`, { signal: within(timeoutMs) });
    expect(list.items).toEqual([]);
  });
}
