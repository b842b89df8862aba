import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { Job } from '@runner/kube';
import { JOBS } from '@runner/kube';
import type { ApiFault } from '@runner/kube/testing';
import { describe, expect, it } from 'vitest';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { calm, watched } from '../support/watching.ts';

const spec = testRunSpec();

describe('a watch that is disturbed tells each thing once, and everything in the end', () => {
  it.each<[string, ApiFault]>([
    ['by events that come twice', { kind: 'duplicate_events' }],
    ['by events that come late', { kind: 'late_events', byMs: 200 }],
    ['by connections that are cut', { kind: 'cut_watches', everyMs: 150 }],
    ['by pods that are watched later than Jobs', { kind: 'late_events', byMs: 400 }],
  ])('%s', async (what, fault) => {
    await using subject = await memorySubject();
    subject.server.fault(fault, what.includes('pods') ? { resource: 'pods' } : {});
    await using watch = watched(subject.executor);
    const specs = Array.from({ length: 5 }, () => testRunSpec());
    for (const one of specs) await subject.executor.submit(one, calm);
    for (const { runId } of specs) await watch.until(runId, 'running');
    specs.forEach(({ runId }, index) => subject.cluster.exit(subject.job(runId), index));
    await watch.until(specs[0]?.runId ?? '', 'ended succeeded');
    for (const { runId } of specs.slice(1)) await watch.until(runId, 'ended failed exit_code');
    for (const { runId } of specs) await subject.executor.discard(runId, calm);
    for (const { runId } of specs) await watch.until(runId, 'absent');
    for (const { runId } of specs) {
      const story = watch.story(runId);
      expect(new Set(story).size).toBe(story.length);
      expect(story.at(-1)).toBe('absent');
    }
  });

  it('by a history that is forgotten while it was away', async () => {
    await using subject = await memorySubject();
    await using watch = watched(subject.executor);
    const gone = testRunSpec();
    for (const one of [spec, gone]) await subject.executor.submit(one, calm);
    for (const { runId } of [spec, gone]) await watch.until(runId, 'running');
    await subject.server.stop();
    subject.cluster.exit(subject.job(spec.runId), 0);
    subject.server.remove(JOBS, NAMESPACE, subject.job(gone.runId));
    subject.server.fault({ kind: 'expire' });
    await subject.server.start();
    await watch.until(spec.runId, 'ended succeeded');
    await watch.until(gone.runId, 'absent');
    expect(watch.story(spec.runId)).not.toContain('absent');
  });
});

it('begins with what is there, ended runs and waiting ones included', async () => {
  await using subject = await memorySubject();
  const [ended, waiting] = [testRunSpec(), testRunSpec()];
  await subject.executor.submit(ended, calm);
  await until('it runs', () => subject.cluster.starts(subject.job(ended.runId)) === 1);
  subject.cluster.print(subject.job(ended.runId), 'the last words\n');
  subject.cluster.exit(subject.job(ended.runId), 3);
  subject.cluster.trouble({
    kind: 'no_pod',
    message: 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
  });
  await subject.executor.submit(waiting, calm);
  await until('it is over', async () => (await subject.executor.list(ended.owner, calm)).observations.length === 2);
  await using watch = watched(await subject.another());
  const seen = await watch.until(ended.runId, 'ended failed exit_code');
  expect(seen).toMatchObject({
    outcome: { exitCode: 3, logTail: expect.stringContaining('the last words') as string },
  });
  await watch.until(waiting.runId, 'pending');
});

it('leaves out what the list has no room for: the end of the log', async () => {
  await using subject = await memorySubject();
  await subject.executor.submit(spec, calm);
  await until('it runs', () => subject.cluster.starts(subject.job(spec.runId)) === 1);
  subject.cluster.exit(subject.job(spec.runId), 3);
  await until('it has ended', async () => {
    const { observations } = await subject.executor.list(spec.owner, calm);
    return observations.some((one) => one.presence === 'present' && one.phase === 'ended');
  });
  const mark = subject.server.calls.length;
  await subject.executor.list(spec.owner, calm);
  expect(subject.server.calls.slice(mark).map(({ verb, resource }) => `${verb} ${resource}`)).toEqual([
    'list jobs',
    'list pods',
  ]);
});

it('takes no copy of a Job for the run, whatever its name', async () => {
  await using subject = await memorySubject();
  await subject.executor.submit(spec, calm);
  await until('it runs', () => subject.cluster.starts(subject.job(spec.runId)) === 1);
  const name = subject.job(spec.runId);
  const { metadata, spec: jobSpec } = subject.server.object(JOBS, NAMESPACE, name) ?? {};
  await until('a second has passed', () => Date.now() >= Date.parse(metadata?.creationTimestamp ?? '') + 1_000);
  const { labels = {}, annotations = {} } = metadata ?? {};
  const copy = { metadata: { name: 'a-copy', namespace: NAMESPACE, labels, annotations }, spec: { ...jobSpec } };
  subject.server.put(JOBS, { ...copy, spec: { ...jobSpec, suspend: true } } as Job);
  await using watch = watched(subject.executor);
  await watch.until(spec.runId, 'running');
  expect(watch.seen.map((one) => (one.presence === 'present' ? one.workload.name : one.presence))).toEqual([name]);
  expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ workload: { name } });
  subject.cluster.exit(name, 0);
  expect(await watch.until(spec.runId, 'ended succeeded')).toMatchObject({ workload: { name } });
});

it('tells how old its picture of the workloads is, and nothing while it has none', async () => {
  await using subject = await memorySubject();
  expect(subject.executor.freshAt?.()).toBeUndefined();
  const begun = Date.now();
  {
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    const fresh = subject.executor.freshAt?.() ?? 0;
    expect(fresh).toBeGreaterThanOrEqual(begun);
    await subject.server.stop();
    expect(subject.executor.freshAt?.()).toBeLessThanOrEqual(Date.now());
    await subject.server.start();
    subject.cluster.exit(subject.job(spec.runId), 0);
    await watch.until(spec.runId, 'ended succeeded');
    expect(subject.executor.freshAt?.()).toBeGreaterThan(fresh);
  }
  expect(subject.executor.freshAt?.()).toBeUndefined();
});
