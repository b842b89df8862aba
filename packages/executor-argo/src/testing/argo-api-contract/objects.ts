import { rejection, until } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ArgoContractContext } from './subject.ts';
import { SUITE_LABEL, within } from './subject.ts';

export function objectCases({ make, timeoutMs }: ArgoContractContext): void {
  it('creates a Workflow, and gives the one that stands when its name is taken', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const first = await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one', 'red'), { signal });
    expect(first).toMatchObject({
      created: true,
      object: { ...KIND, metadata: { name: 'one', namespace, labels: { [SUITE_LABEL]: 'red' } } },
    });
    const second = await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one', 'blue'), { signal });
    expect(second).toMatchObject({
      created: false,
      object: { ...KIND, metadata: { uid: first.object.metadata?.uid, labels: { [SUITE_LABEL]: 'red' } } },
    });
  });

  it('gives a Workflow with its templates, and nothing where there is none', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const wanted = subject.workflow('one');
    await argo.workflows.create(WORKFLOWS, namespace, wanted, { signal });
    const found = await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal });
    expect(found).toMatchObject({ ...KIND, metadata: { name: 'one' } });
    expect(found?.spec?.templates?.[0]?.container?.args).toEqual(wanted.spec?.templates?.[0]?.container?.args);
    expect(await argo.workflows.get(WORKFLOWS, namespace, 'two', { signal })).toBeUndefined();
  });

  it('carries texts with braces, dollars and other signs unchanged', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const text = '${HOME} $(x) %s \\u007b <>&"\' ü \u{1F600} \t';
    const plain = subject.workflow('one');
    const wanted = { ...plain, metadata: { ...plain.metadata, annotations: { 'runner.test/text': text } } };
    await argo.workflows.create(WORKFLOWS, namespace, wanted, { signal });
    const found = await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal });
    expect(found?.metadata?.annotations?.['runner.test/text']).toBe(text);
  });

  it('lists by label over all pages, and keeps of each Workflow what is asked for', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of [...names, 'x']) {
      const workflow = subject.workflow(name, name === 'x' ? 'blue' : 'red');
      await argo.workflows.create(WORKFLOWS, namespace, workflow, { signal });
    }
    // A cached list may lag behind.
    const found = await until(
      'all are listed',
      async () => {
        const options = { signal, labelSelector: `${SUITE_LABEL}=red`, pageSize: 2 };
        const { items, resourceVersion } = await argo.workflows.list(WORKFLOWS, namespace, {
          ...options,
          keep: ({ metadata, apiVersion, kind }) => ({ name: metadata?.name, apiVersion, kind }),
        });
        expect(resourceVersion).toMatch(/^\d+$/);
        return items.length < names.length ? undefined : items;
      },
      timeoutMs,
    );
    const byName = [...found].sort((one, other) => (one.name ?? '').localeCompare(other.name ?? ''));
    expect(byName).toEqual(names.map((name) => ({ ...KIND, name })));
  });

  it('lists nothing where nothing matches', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const list = await argo.workflows.list(WORKFLOWS, namespace, { signal, labelSelector: `${SUITE_LABEL}=none` });
    expect(list.items).toEqual([]);
  });

  it('deletes; what is not there is deleted', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one'), { signal });
    const propagation = 'Background';
    await argo.workflows.delete(WORKFLOWS, namespace, 'one', { signal, propagation });
    const gone = async (): Promise<true | undefined> =>
      (await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal })) === undefined ? true : undefined;
    await until('it is gone', gone, timeoutMs);
    await argo.workflows.delete(WORKFLOWS, namespace, 'one', { signal, propagation });
  });

  it('deletes only the very Workflow that is meant', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one'), { signal });
    const uid = '00000000-0000-4000-8000-000000000000';
    const error = await rejection(argo.workflows.delete(WORKFLOWS, namespace, 'one', { signal, uid }));
    expect(error.code).toBe('kube_conflict');
    expect(await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal })).toBeDefined();
  });

  it('says where it is, and which Argo that is where it can', async () => {
    await using subject = await make();
    const { argo } = subject;
    expect(argo.place.id).toMatch(/^[0-9a-f]{64}$/);
    expect(argo.place.description).toContain('http');
    const version = await argo.version({ signal: within(timeoutMs) });
    if (argo.transport === 'server') expect(version).toMatch(/^v?\d+\.\d+/);
    else expect(version).toBeUndefined();
  });
}

const KIND = { apiVersion: WORKFLOWS.apiVersion, kind: WORKFLOWS.kind };
