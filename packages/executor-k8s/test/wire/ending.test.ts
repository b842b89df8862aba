import { until } from '@runner/core/testing';
import { isEnded } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import type { Job } from '@runner/kube';
import { JOBS, PODS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import type { MemorySubject } from '../support/memory-subject.ts';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { testSettings } from '../support/objects.ts';
import { calm, watched } from '../support/watching.ts';

const spec = testRunSpec();
const cancel = { reason: 'cancelled' } as const;

async function running(changes: Parameters<typeof memorySubject>[0] = {}): Promise<MemorySubject> {
  const subject = await memorySubject(changes);
  await subject.executor.submit(spec, calm);
  await until('the program runs', () => subject.cluster.starts(subject.job(spec.runId)) === 1);
  return subject;
}

function change(subject: MemorySubject, edit: (job: Job) => Job): void {
  const job = subject.server.object(JOBS, NAMESPACE, subject.job(spec.runId));
  if (job !== undefined) subject.server.put(JOBS, edit(job));
}

function livePods({ server }: MemorySubject): number {
  return server.objects(PODS, NAMESPACE).filter(({ status }) => status?.phase === 'Running').length;
}

const suspend =
  (suspended: boolean) =>
  (job: Job): Job => ({
    ...job,
    spec: { ...job.spec, suspend: suspended } as NonNullable<Job['spec']>,
  });

describe('ending', () => {
  it('is one patch of the Job that stands, with its version', async () => {
    await using subject = await running();
    const mark = subject.server.calls.length;
    await subject.executor.end(spec.runId, cancel, calm);
    const calls = subject.server.calls.slice(mark).filter(({ verb }) => verb !== 'list');
    expect(calls.map(({ verb, resource }) => `${verb} ${resource}`)).toEqual(['patch jobs']);
    expect(calls[0]?.body).toMatchObject({
      metadata: { resourceVersion: expect.any(String) as string },
      spec: { activeDeadlineSeconds: 1 },
    });
  });

  it('writes its intent although others change the Job at the same time', async () => {
    await using subject = await running();
    subject.server.fault(
      { kind: 'status', status: 409, reason: 'Conflict' },
      { verb: 'patch', resource: 'jobs', times: 3 },
    );
    const seen = await subject.executor.end(spec.runId, cancel, calm);
    expect(seen).toMatchObject({ phase: 'ending' });
    expect(subject.server.calls.filter(({ verb }) => verb === 'patch')).toHaveLength(4);
  });

  it('reports the end only when no pod is left', async () => {
    await using subject = await running();
    subject.cluster.resist(subject.job(spec.runId));
    await subject.executor.end(spec.runId, cancel, calm);
    for (;;) {
      const seen = await subject.executor.observe(spec.runId, calm);
      if (isEnded(seen)) break;
      expect(seen).toMatchObject({ phase: 'ending' });
    }
    expect(livePods(subject)).toBe(0);
  });
});

describe('a suspended Job', () => {
  it('waits as long as it is held back, and is cancelled without ever running', async () => {
    await using subject = await memorySubject();
    subject.server.onChange((type, event, object) => {
      if (type.plural === 'jobs' && event === 'ADDED') subject.server.put(JOBS, suspend(true)(object as Job));
    });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    expect(await watch.until(spec.runId, 'pending job_suspended')).toMatchObject({ suspended: true });
    await subject.executor.end(spec.runId, cancel, calm);
    expect(await watch.until(spec.runId, 'ended cancelled')).toMatchObject({ outcome: { result: 'cancelled' } });
    change(subject, suspend(false));
    await until('its deadline has passed as well', () =>
      subject.server
        .object(JOBS, NAMESPACE, subject.job(spec.runId))
        ?.status?.conditions?.some(({ type }) => type === 'Failed'),
    );
    expect(subject.cluster.starts(subject.job(spec.runId))).toBe(0);
    expect(watch.story(spec.runId).at(-1)).toBe('ended cancelled');
    await subject.executor.discard(spec.runId, calm);
    expect(subject.server.objects(JOBS, NAMESPACE)).toEqual([]);
  });

  it('that starts is seen to run', async () => {
    await using subject = await running();
    await using watch = watched(subject.executor);
    await watch.until(spec.runId, 'running');
    change(subject, suspend(true));
    await watch.until(spec.runId, 'pending job_suspended');
  });
});

describe('what others do to a run', () => {
  it('a Job deleted by hand is gone once its pod is', async () => {
    await using subject = await running();
    await using watch = watched(subject.executor);
    await watch.until(spec.runId, 'running');
    subject.cluster.resist(subject.job(spec.runId));
    subject.server.delete(JOBS, NAMESPACE, subject.job(spec.runId));
    await watch.until(spec.runId, 'absent');
    expect(livePods(subject)).toBe(0);
    expect(watch.story(spec.runId).filter((chapter) => chapter === 'absent')).toHaveLength(1);
    expect(watch.story(spec.runId).filter((chapter) => chapter.startsWith('ended'))).toEqual([]);
  });

  it('a pod deleted by hand ends the run as failed', async () => {
    await using subject = await running();
    await using watch = watched(subject.executor);
    await watch.until(spec.runId, 'running');
    const pod = subject.cluster.pod(subject.job(spec.runId))?.metadata?.name ?? '';
    subject.server.delete(PODS, NAMESPACE, pod);
    await watch.until(spec.runId, 'ended failed pod_deleted');
    const story = watch.story(spec.runId).slice(watch.story(spec.runId).indexOf('running') + 1);
    expect(story.filter((chapter) => !chapter.startsWith('ending'))).toEqual(['ended failed pod_deleted']);
  });

  it.each([0, 1])('a pod deleted by hand is told so also when its program then exits with %i', async (exitCode) => {
    await using subject = await running({ pods: { ...testSettings, graceSeconds: 60 } });
    await using watch = watched(subject.executor);
    await watch.until(spec.runId, 'running');
    subject.cluster.resist(subject.job(spec.runId));
    subject.server.delete(PODS, NAMESPACE, subject.cluster.pod(subject.job(spec.runId))?.metadata?.name ?? '');
    const deletedAt = Date.now();
    await until('it is being ended', () => watch.story(spec.runId).some((chapter) => chapter.startsWith('ending')));
    // The API counts whole seconds.
    await until('a second has passed', () => Date.now() > deletedAt + 1_000);
    subject.cluster.exit(subject.job(spec.runId), exitCode);
    await watch.until(spec.runId, 'ended failed pod_deleted');
  });

  it('a pod that was kept when its Job was deleted is the run to its end, or is ended', async () => {
    await using subject = await running();
    subject.cluster.resist(subject.job(spec.runId));
    subject.server.delete(JOBS, NAMESPACE, subject.job(spec.runId), { propagation: 'Orphan' });
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ phase: 'running' });
    expect(await subject.executor.end(spec.runId, cancel, calm)).toMatchObject({ phase: 'ending' });
    const [pod] = subject.server.objects(PODS, NAMESPACE);
    expect(pod?.metadata?.deletionTimestamp).toBeDefined();
    subject.server.remove(PODS, NAMESPACE, pod?.metadata?.name ?? '');
    expect((await subject.executor.observe(spec.runId, calm)).presence).toBe('absent');
  });

  it.each([
    ['memory', (s: MemorySubject, job: string) => s.cluster.oomKill(job), 'out_of_memory'],
    ['an eviction', (s: MemorySubject, job: string) => s.cluster.evict(job), 'evicted_for_memory'],
    ['a preemption', (s: MemorySubject, job: string) => s.cluster.evict(job, 'preempted'), 'preempted'],
  ] as const)('%s ends it as failed with that reason', async (_what, act, code) => {
    await using subject = await running();
    await using watch = watched(subject.executor);
    await watch.until(spec.runId, 'running');
    act(subject, subject.job(spec.runId));
    await watch.until(spec.runId, `ended failed ${code}`);
  });

  it('a node that is lost keeps it from being reported as ended, until it is back', async () => {
    await using subject = await running();
    await using watch = watched(subject.executor);
    await watch.until(spec.runId, 'running');
    subject.cluster.loseNode(subject.job(spec.runId));
    await until('it is going', () => watch.story(spec.runId).some((chapter) => chapter.startsWith('ending')));
    await subject.executor.end(spec.runId, cancel, calm);
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ phase: 'ending' });
    subject.cluster.nodeBack(subject.job(spec.runId));
    await until('it has ended', () => watch.story(spec.runId).some((chapter) => chapter.startsWith('ended')));
  });
});
