import type { PreflightFinding } from '@runner/executor';
import { describe, expect, it } from 'vitest';
import type { ArgoSubjectOptions } from '../support/argo-subject.ts';
import { argoSubject } from '../support/argo-subject.ts';
import { OFFICIAL_RIGHTS } from '../support/transport-subject.ts';
import { calm } from '../support/watching.ts';
import { testPods } from '../support/workflow-input.ts';

const REVIEWS = /^selfsubject/;

async function findings(options: ArgoSubjectOptions): Promise<readonly PreflightFinding[]> {
  await using subject = await argoSubject(options);
  const found = await subject.executor.preflight(calm);
  const created = subject.server.calls.filter(({ verb, resource }) => verb === 'create' && !REVIEWS.test(resource));
  expect(created).toEqual([]);
  return found;
}

const bad = (found: readonly PreflightFinding[]): readonly PreflightFinding[] =>
  found.filter(({ level }) => level !== 'ok');

describe('preflight', () => {
  it.each(['crd', 'server'] as const)(
    'over %s lacks nothing but events under the Role of the official chart',
    async (transport) => {
      const found = await findings({ transport, rights: OFFICIAL_RIGHTS });
      expect(bad(found)).toMatchObject([{ level: 'warning', code: 'permission_missing' }]);
      expect(bad(found)[0]?.message).toContain('may not list events');
      expect(found.map(({ code }) => code)).toEqual(expect.arrayContaining(['argo_usable', 'results_right_unchecked']));
    },
  );

  it('names each right that is missing and what it was for', async () => {
    const rights = [
      { group: 'argoproj.io', resources: ['workflows'], verbs: ['create', 'get', 'list', 'watch', 'delete'] },
      { group: '', resources: ['pods', 'pods/log', 'events'], verbs: ['get', 'list'] },
    ];
    expect(bad(await findings({ rights })).map(({ message }) => message)).toEqual([
      'The agent may not patch workflows.argoproj.io in namespace runs: without it runs cannot be cancelled.',
      'The agent may not watch pods in namespace runs: without it the start and the exit codes of runs are not seen.',
      'The agent may not patch pods in namespace runs: without it a program that ignores being stopped goes on until its deadline.',
    ]);
  });

  it.each(['crd', 'server'] as const)('over %s says that Workflows may not be listed', async (transport) => {
    expect(bad(await findings({ transport, rights: [] }))).toMatchObject([
      {
        level: 'error',
        code: 'permission_missing',
        message: expect.stringContaining('may not list workflows.argoproj.io') as string,
      },
    ]);
  });

  it('finds a service account that does not exist, where it may look', async () => {
    const pods = { ...testPods, serviceAccountName: 'nobody' };
    expect(bad(await findings({ pods }))).toMatchObject([{ level: 'error', code: 'service_account_missing' }]);
  });

  it('over a server alone says what it could not check', async () => {
    const found = await findings({ transport: 'server', withPods: false, rights: OFFICIAL_RIGHTS });
    expect(bad(found)).toEqual([]);
    expect(found.map(({ code }) => code)).toEqual(['argo_usable', 'rights_unchecked']);
  });

  it('warns of a time to live that outcomes may not survive', async () => {
    expect(bad(await findings({ ttlSeconds: 3_599 }))).toMatchObject([
      { code: 'short_time_to_live', level: 'warning' },
    ]);
  });

  it.each(['crd', 'server'] as const)('over %s says that Argo cannot be asked, and goes on', async (transport) => {
    await using subject = await argoSubject({ transport });
    await subject.outage?.();
    expect(bad(await subject.executor.preflight(calm))).toMatchObject([{ level: 'error', code: 'argo_unusable' }]);
  });
});

it('is of one scope with whoever sees the same Workflows', async () => {
  await using subject = await argoSubject({ transport: 'server' });
  const scope = await subject.executor.scope(calm);
  expect(await (await subject.another()).scope(calm)).toEqual(scope);
  expect((await (await subject.another({ namespace: 'default' })).scope(calm)).id).not.toBe(scope.id);
  expect(scope.description).toContain('namespace runs of Argo Server http://127.0.0.1:');
});

it('goes on where the API server does not take the token of Argo Server', async () => {
  await using subject = await argoSubject({ transport: 'server', rights: OFFICIAL_RIGHTS });
  subject.server.fault(
    { kind: 'status', status: 401, reason: 'Unauthorized' },
    { resource: 'selfsubjectaccessreviews' },
  );
  const found = await subject.executor.preflight(calm);
  expect(bad(found)).toMatchObject([{ level: 'warning', code: 'pods_unseen' }]);
  expect(found.map(({ code }) => code)).toContain('argo_usable');
});
