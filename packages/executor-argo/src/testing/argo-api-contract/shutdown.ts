import type { RunnerError } from '@runner/core';
import { expect, it } from 'vitest';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ArgoContractContext } from './subject.ts';
import { within } from './subject.ts';

export function shutdownCases({ make, timeoutMs }: ArgoContractContext): void {
  it.each(['Stop', 'Terminate'] as const)('asks for %s, as often as one likes', async (how) => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one'), { signal });
    const first = await argo.shutdown(namespace, 'one', how, { signal });
    expect(first).toMatchObject({ kind: 'Workflow', metadata: { name: 'one' }, spec: { shutdown: how } });
    expect((await argo.shutdown(namespace, 'one', how, { signal }))?.spec?.shutdown).toBe(how);
    expect((await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal }))?.spec?.shutdown).toBe(how);
  });

  it('makes a terminate of a stop, and not the other way round', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one'), { signal });
    await argo.shutdown(namespace, 'one', 'Stop', { signal });
    const terminated = await argo.shutdown(namespace, 'one', 'Terminate', { signal });
    // A controller may have been done with the stop already.
    if (terminated?.status?.finishedAt == null) expect(terminated?.spec?.shutdown).toBe('Terminate');
    await argo.shutdown(namespace, 'one', 'Stop', { signal });
    const found = await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal });
    expect(found?.spec?.shutdown).toBe(terminated?.spec?.shutdown);
  });

  it.each(['Stop', 'Terminate'] as const)('lets one that is suspended go on to its end, with a %s', async (how) => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    const workflow = subject.workflow('one');
    const suspended = { ...workflow, spec: { ...workflow.spec, suspend: true } };
    await argo.workflows.create(WORKFLOWS, namespace, suspended, { signal });
    expect((await argo.shutdown(namespace, 'one', how, { signal }))?.spec).toMatchObject({ shutdown: how });
    const found = await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal });
    expect(found?.spec).toMatchObject({ shutdown: how });
    expect(found?.spec).not.toHaveProperty('suspend');
  });

  it('leaves a Workflow that is over as it is, and gives it', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await subject.succeeded('one', 'done\n');
    const given = await argo.shutdown(namespace, 'one', 'Stop', { signal, annotations: { 'runner.test/a': 'b' } });
    expect(given).toMatchObject({ metadata: { name: 'one' }, status: { phase: 'Succeeded' } });
    const found = await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal });
    expect(found?.spec?.shutdown).toBeUndefined();
    expect(found?.metadata?.annotations?.['runner.test/a']).toBeUndefined();
  });

  it('gives nothing where there is no such Workflow', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    expect(await argo.shutdown(namespace, 'none', 'Stop', { signal })).toBeUndefined();
    expect(await argo.shutdown(namespace, 'none', 'Terminate', { signal })).toBeUndefined();
  });

  it('writes the annotations in the same call where it keeps them, and only on the state that was looked at', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await argo.workflows.create(WORKFLOWS, namespace, subject.workflow('one'), { signal });
    const annotations = { 'runner.test/why': '{"reason":"cancel"}' };
    const given = await argo.shutdown(namespace, 'one', 'Stop', { signal, annotations });
    expect(given?.metadata?.annotations?.['runner.test/why']).toBe(
      argo.keepsAnnotations ? annotations['runner.test/why'] : undefined,
    );
    const late = await argo
      .shutdown(namespace, 'one', 'Terminate', { signal, resourceVersion: '1' })
      .catch((error: unknown) => error as RunnerError);
    if (late instanceof Error) expect([argo.keepsAnnotations, late.code]).toEqual([true, 'kube_conflict']);
    // One that is over by now is given as it ended.
    else if (late?.status?.finishedAt == null) expect(late?.spec?.shutdown).toBe('Terminate');
  });
}
