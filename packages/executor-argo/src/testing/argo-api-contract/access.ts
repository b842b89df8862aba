import { rejection } from '@runner/core/testing';
import { expect, it } from 'vitest';
import type { ArgoApi } from '../../transport/argo-api.ts';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ArgoApiSubject, ArgoContractContext } from './subject.ts';
import { changesUntil, within } from './subject.ts';

const GET = { verb: 'get', group: 'argoproj.io', resource: 'workflows' } as const;

type Call = (argo: ArgoApi, subject: ArgoApiSubject, signal: AbortSignal) => Promise<unknown>;

const CALLS: readonly (readonly [what: string, resource: string, call: Call])[] = [
  [
    'create',
    'workflows',
    (argo, subject, signal) => argo.workflows.create(WORKFLOWS, subject.namespace, subject.workflow('two'), { signal }),
  ],
  ['list', 'workflows', (argo, { namespace }, signal) => argo.workflows.list(WORKFLOWS, namespace, { signal })],
  [
    'watch',
    'workflows',
    (argo, { namespace }, signal) =>
      changesUntil(argo, namespace, { signal, resourceVersion: '1', timeoutSeconds: 5 }, () => true),
  ],
  [
    'delete',
    'workflows',
    (argo, { namespace }, signal) => argo.workflows.delete(WORKFLOWS, namespace, 'one', { signal }),
  ],
  ['shutdown', 'workflows', (argo, { namespace }, signal) => argo.shutdown(namespace, 'one', 'Stop', { signal })],
];

export function accessCases({ make, timeoutMs }: ArgoContractContext): void {
  it.each(CALLS)('says that the right to %s is missing, and how to grant it', async (_what, resource, call) => {
    await using subject = await make();
    const signal = within(timeoutMs);
    await subject.argo.workflows.create(WORKFLOWS, subject.namespace, subject.workflow('one'), { signal });
    const argo = await subject.as([GET]);
    const error = await rejection(call(argo, subject, signal));
    expect(error).toMatchObject({
      code: 'kube_forbidden',
      retryable: false,
      details: { resource, namespace: subject.namespace, status: 403 },
    });
    expect(error.hint).toContain(`resources: ["${resource}"]`);
  });

  it('does what it may with few rights', async () => {
    await using subject = await make();
    const signal = within(timeoutMs);
    await subject.argo.workflows.create(WORKFLOWS, subject.namespace, subject.workflow('one'), { signal });
    const argo = await subject.as([GET]);
    const found = await argo.workflows.get(WORKFLOWS, subject.namespace, 'one', { signal });
    expect(found?.metadata?.name).toBe('one');
    const none = await subject.as([{ ...GET, verb: 'list' }]);
    const error = await rejection(none.workflows.get(WORKFLOWS, subject.namespace, 'one', { signal }));
    expect(error.code).toBe('kube_forbidden');
  });
}
