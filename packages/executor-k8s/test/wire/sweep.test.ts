import type { Clock } from '@runner/core';
import { systemClock } from '@runner/core';
import { ownerLabels } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { CONFIG_MAPS, JOBS, SECRETS } from '@runner/kube';
import { expect, it } from 'vitest';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { calm, owner } from '../support/watching.ts';

const HOUR = 3_600_000;
/** An hour later than it is, so that what was made just now is old. */
const later = (): Clock => ({ ...systemClock(), now: () => Date.now() + HOUR });
const labels = { ...ownerLabels(owner), 'hybrid-ingestion-runner/config': 'true' };

it('removes configs whose Job is gone, and nothing else', async () => {
  await using subject = await memorySubject({ delivery: 'secret', clock: later() });
  const { server, executor } = subject;
  const spec = testRunSpec();
  await executor.submit(spec, calm);
  const living = server.objects(JOBS, NAMESPACE)[0]?.metadata;
  const of = (name: string, uid: string | undefined, more: object = {}) => ({
    metadata: {
      name,
      namespace: NAMESPACE,
      labels,
      // The cluster's own collection would be quicker than the test.
      finalizers: ['test/hold'],
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: living?.name ?? '', uid: uid ?? '' }],
      ...more,
    },
  });
  server.put(SECRETS, of('left-over', 'gone'));
  server.put(CONFIG_MAPS, of('left-over-map', 'gone'));
  server.put(SECRETS, of('of-a-living-job', living?.uid));
  server.put(SECRETS, of('of-nobody', 'gone', { ownerReferences: [] }));
  server.put(
    SECRETS,
    of('of-another-agent', 'gone', { labels: { ...labels, 'hybrid-ingestion-runner/agent': 'other' } }),
  );
  server.put(SECRETS, of('of-a-person', 'gone', { labels: {} }));
  expect(await executor.sweep(owner, calm)).toBe(2);
  const marked = [...server.objects(SECRETS, NAMESPACE), ...server.objects(CONFIG_MAPS, NAMESPACE)]
    .filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)
    .map(({ metadata }) => metadata?.name);
  expect(marked.toSorted()).toEqual(['left-over', 'left-over-map']);
});

it('leaves alone what was made just now, and needs no right to do nothing', async () => {
  await using subject = await memorySubject();
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'x', uid: 'not there yet' }];
  subject.server.put(SECRETS, {
    metadata: { name: 'young', namespace: NAMESPACE, labels, ownerReferences, finalizers: ['test/hold'] },
  });
  expect(await subject.executor.sweep(owner, calm)).toBe(0);
  const poor = await subject.another({ rights: [], clock: later() });
  expect(await poor.sweep(owner, calm)).toBe(0);
});
