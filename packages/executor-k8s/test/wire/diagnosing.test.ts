import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { memorySubject } from '../support/memory-subject.ts';
import { until } from '../support/until.ts';
import { calm, watched } from '../support/watching.ts';

const spec = testRunSpec();
const timings = { noPodMs: 50, stuckPodMs: 100, eventsFloorMs: 50, eventsCapMs: 200 };
const QUOTA = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2';

describe('a workload that waits says why', () => {
  it('when there is no pod: from the events of the Job', async () => {
    await using subject = await memorySubject({ timings });
    subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    const seen = await watch.until(spec.runId, 'pending quota_exceeded');
    expect(seen).toMatchObject({
      diagnosis: { category: 'quota', permanent: false, message: expect.stringContaining('small') as string },
    });
    // Whoever asks is told the same.
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ diagnosis: { code: 'quota_exceeded' } });
    subject.cluster.trouble(undefined);
    await watch.until(spec.runId, 'running');
    subject.cluster.exit(subject.job(spec.runId), 0);
    await watch.until(spec.runId, 'ended succeeded');
  });

  it('when its pod is not taken by a node, or its image is not there: from the pod', async () => {
    await using subject = await memorySubject({ timings });
    subject.cluster.trouble({
      kind: 'unschedulable',
      message:
        '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available.',
    });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await until('it is diagnosed', () => watch.story(spec.runId).some((chapter) => /^pending \w*cpu/.test(chapter)));
    subject.cluster.trouble({
      kind: 'waiting',
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "none:1": ErrImagePull: not found',
    });
    await watch.until(spec.runId, 'pending image_not_found');
  });

  it('when only an event tells: of the pod', async () => {
    await using subject = await memorySubject({ timings });
    subject.cluster.trouble({
      kind: 'creating',
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "v" : secret "none" not found',
    });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'pending volume_source_missing');
  });
});

it('reads events of one object, more and more rarely, and stops when it gets on', async () => {
  await using subject = await memorySubject({ timings: { ...timings, eventsCapMs: 100 } });
  subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
  await using watch = watched(subject.executor);
  await subject.executor.submit(spec, calm);
  const lists = (): readonly string[] =>
    subject.server.calls
      .filter(({ resource, verb }) => resource === 'events' && verb === 'list')
      .map(({ path }) => path);
  await until('they were read three times', () => lists().length >= 3);
  expect(new Set(lists()).size).toBe(1);
  expect(decodeURIComponent(lists()[0] ?? '')).toContain('fieldSelector=involvedObject.uid=');
  subject.cluster.trouble(undefined);
  await watch.until(spec.runId, 'running');
  const before = lists().length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(lists().length).toBe(before);
  expect(subject.server.calls.some(({ resource, verb }) => resource === 'events' && verb === 'watch')).toBe(false);
});

it('gets on without the right to read events', async () => {
  const rights = [
    { group: 'batch', resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch'] },
    { group: '', resources: ['pods'], verbs: ['list', 'watch'] },
  ];
  await using subject = await memorySubject({ timings, rights });
  subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
  await using watch = watched(subject.executor);
  await subject.executor.submit(spec, calm);
  await until('events were asked for', () => subject.server.calls.some(({ resource }) => resource === 'events'));
  subject.cluster.trouble(undefined);
  await watch.until(spec.runId, 'running');
  expect(subject.server.calls.filter(({ resource }) => resource === 'events')).toHaveLength(1);
});
