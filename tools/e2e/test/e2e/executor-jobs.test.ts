import type { Observation } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { eventually } from '@runner/faults';
import { describe, expect, it } from 'vitest';
import { LONG_MS, agentRules } from '../../src/index.ts';
import type { K8sSubject } from '../support/k8s-subject.ts';
import { k8sSubject } from '../support/k8s-subject.ts';

const calm = new AbortController().signal;
const cancel = { reason: 'cancelled' } as const;

async function until(subject: K8sSubject, runId: string, what: string, test: (seen: Observation) => boolean) {
  return await eventually(
    what,
    async () => {
      const seen = await subject.executor.observe(runId, calm);
      return test(seen) ? seen : undefined;
    },
    LONG_MS,
  );
}
const isIn =
  (phase: string) =>
  (seen: Observation): boolean =>
    seen.presence === 'present' && seen.phase === phase;

describe('a Job that somebody holds back', () => {
  it('is cancelled without ever running, and is over also for Kubernetes once it is let go', async () => {
    await using subject = await k8sSubject(agentRules());
    const { executor, namespace } = subject;
    // No room for a pod until it is suspended: so it never starts.
    await namespace.create('ResourceQuota', { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } });
    const spec = testRunSpec();
    await executor.submit(spec, calm);
    const job = await namespace.job(spec.runId);
    await namespace.patch('Job', job.metadata.name, { spec: { suspend: true } });
    const held = await until(subject, spec.runId, 'it is held back', (seen) => 'suspended' in seen && seen.suspended);
    expect(held).toMatchObject({ phase: 'pending', diagnosis: { category: 'suspended' } });
    await executor.end(spec.runId, cancel, calm);
    expect(await until(subject, spec.runId, 'it has ended', isIn('ended'))).toMatchObject({
      outcome: { result: 'cancelled' },
    });
    await namespace.remove('ResourceQuota', 'none');
    await namespace.patch('Job', job.metadata.name, { spec: { suspend: false } });
    await eventually(
      'Kubernetes has failed it',
      async () => {
        const { status } = (await namespace.job(spec.runId)) as { status?: { conditions?: { type: string }[] } };
        return status?.conditions?.some(({ type }) => type === 'Failed') === true ? true : undefined;
      },
      LONG_MS,
    );
    expect(await executor.observe(spec.runId, calm)).toMatchObject({ outcome: { result: 'cancelled' } });
    expect(await subject.executions(spec.runId)).toBe(0);
  });
});

describe('a run that somebody else touches', () => {
  it('has failed when its pod is deleted by hand', async () => {
    await using subject = await k8sSubject(agentRules());
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await until(subject, spec.runId, 'it runs', isIn('running'));
    await subject.namespace.remove('Pod', (await subject.namespace.pod(spec.runId)).metadata.name);
    expect(await until(subject, spec.runId, 'it has ended', isIn('ended'))).toMatchObject({
      outcome: { result: 'failed', diagnosis: { category: 'lost', code: 'pod_deleted' } },
    });
  });

  it('is gone when its Job is deleted by hand, but not before its pod is', async () => {
    await using subject = await k8sSubject(agentRules());
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await until(subject, spec.runId, 'it runs', isIn('running'));
    await subject.resist?.(spec.runId);
    await subject.remove?.(spec.runId);
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'present' });
    await until(subject, spec.runId, 'it is gone', ({ presence }) => presence === 'absent');
    const pods = await subject.namespace.list('Pod');
    expect(pods.filter(({ status }) => status?.['phase'] === 'Running')).toEqual([]);
  });
});
