import { until } from '@runner/core/testing';
import { isEnded } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import type { Job } from '@runner/kube';
import { JOBS, SECRETS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import type { MemorySubject } from '../support/memory-subject.ts';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { calm, watched } from '../support/watching.ts';

const spec = testRunSpec();
const secrets = { verb: 'create', resource: 'secrets' };
const patches = ({ server }: MemorySubject): number => server.calls.filter(({ verb }) => verb === 'patch').length;
const configs = ({ server }: MemorySubject): number => server.objects(SECRETS, NAMESPACE).length;
const starts = (subject: MemorySubject): number => subject.cluster.starts(subject.job(spec.runId));

describe('a run whose Secret cannot be made yet', () => {
  it.each([500, 403])('(%d) waits, and runs once it can', async (status) => {
    const code = 'executor_unavailable';
    await using subject = await memorySubject({ delivery: 'secret' });
    await using watch = watched(subject.executor);
    const healed = subject.server.fault({ kind: 'status', status }, secrets);
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ code, retryable: true });
    await watch.until(spec.runId, 'pending config_missing');
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ code, retryable: true });
    healed();
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    expect([starts(subject), patches(subject), subject.server.objects(JOBS, NAMESPACE).length]).toEqual([1, 0, 1]);
  });

  it('waits for a quota of Secrets, and runs once there is room', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    subject.server.put(SECRETS, { metadata: { name: 'of-somebody-else', namespace: NAMESPACE } });
    subject.server.quota(NAMESPACE, 'count/secrets', 1);
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({
      code: 'executor_waiting',
      message: expect.stringContaining('exceeded quota') as string,
    });
    expect(starts(subject)).toBe(0);
    subject.server.delete(SECRETS, NAMESPACE, 'of-somebody-else');
    await subject.executor.submit(spec, calm);
    await until('the program runs', () => starts(subject) === 1);
  });

  it('is completed by the agent that comes after one that died between Job and Secret', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    const dies = new AbortController();
    subject.server.onChange((type, event) => {
      if (type.plural === 'jobs' && event === 'ADDED') dies.abort();
    });
    await expect(subject.executor.submit(spec, dies.signal)).rejects.toMatchObject({ code: 'aborted' });
    await subject.executor.close();
    expect(configs(subject)).toBe(0);
    const next = await subject.another();
    await using watch = watched(next);
    await watch.until(spec.runId, 'pending config_missing');
    expect(await next.submit(spec, calm)).toMatchObject({ created: false });
    await watch.until(spec.runId, 'running');
    expect([starts(subject), configs(subject), patches(subject)]).toEqual([1, 1, 0]);
  });
});

describe('a run whose Secret will never be made', () => {
  it('is ended in place with what the API server says of it, and nothing of it runs', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    await using watch = watched(subject.executor);
    subject.server.fault({ kind: 'status', status: 422 }, secrets);
    const { created, observation } = await subject.executor.submit(spec, calm);
    expect(created).toBe(true);
    expect(observation).toMatchObject({ presence: 'present' });
    expect(await watch.until(spec.runId, 'ended failed config_refused')).toMatchObject({
      outcome: { diagnosis: { category: 'configuration', permanent: true, message: expect.any(String) as string } },
    });
    // A start that is repeated finds it, and does nothing.
    const again = await subject.executor.submit(spec, calm);
    expect(again.created).toBe(false);
    expect(isEnded(again.observation)).toBe(true);
    expect([starts(subject), patches(subject), configs(subject)]).toEqual([0, 1, 0]);
  });

  it('is tried again when it cannot be ended just now', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    subject.server.fault({ kind: 'status', status: 422 }, secrets);
    const healed = subject.server.fault({ kind: 'status', status: 409 }, { verb: 'patch', resource: 'jobs' });
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ retryable: true });
    expect(patches(subject)).toBe(1);
    healed();
    expect((await subject.executor.submit(spec, calm)).created).toBe(false);
    await until('the run has failed', async () => isEnded(await subject.executor.observe(spec.runId, calm)));
    expect(starts(subject)).toBe(0);
  });

  it('is left alone when it has its Secret and only a new one is refused', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    for (const status of [403, 422, 500]) {
      const healed = subject.server.fault({ kind: 'status', status }, secrets);
      expect(await subject.executor.submit(spec, calm)).toMatchObject({
        created: false,
        observation: { phase: 'running' },
      });
      healed();
    }
    expect(patches(subject)).toBe(0);
  });
});

describe('a Job that was cancelled while it was suspended', () => {
  it('says that its record would stay, and discarding it removes it', async () => {
    await using subject = await memorySubject();
    subject.server.onChange((type, event, object) => {
      const job = object as Job;
      if (type.plural !== 'jobs' || event !== 'ADDED' || job.spec === undefined) return;
      subject.server.put(JOBS, { ...job, spec: { ...job.spec, suspend: true } });
    });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'pending job_suspended');
    await subject.executor.end(spec.runId, { reason: 'cancelled' }, calm);
    expect(await watch.until(spec.runId, 'ended cancelled')).toMatchObject({ lingers: true });
    await subject.executor.discard(spec.runId, calm);
    expect(subject.server.objects(JOBS, NAMESPACE)).toEqual([]);
  });

  it('is told from one that ran to its end, whose time to live counts', async () => {
    await using subject = await memorySubject();
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    await subject.executor.end(spec.runId, { reason: 'cancelled' }, calm);
    expect(await watch.until(spec.runId, 'ended cancelled')).not.toHaveProperty('lingers');
  });
});
