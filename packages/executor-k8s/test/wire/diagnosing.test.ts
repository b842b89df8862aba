import { recordingLogger, until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { KubeObject, ResourceType } from '@runner/kube';
import { JOBS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import type { MemorySubject } from '../support/memory-subject.ts';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
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

it('reads events of one object at a time, more and more rarely, and stops when it gets on', async () => {
  await using subject = await memorySubject({ timings: { ...timings, eventsCapMs: 100 } });
  const other = testRunSpec();
  subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
  await using watch = watched(subject.executor);
  for (const one of [spec, other]) await subject.executor.submit(one, calm);
  const uidOf = (runId: string): string =>
    subject.server.object(JOBS, NAMESPACE, subject.job(runId))?.metadata?.uid ?? 'no Job';
  const readings = (runId: string): number =>
    subject.server.calls.filter(({ verb, resource, path }) => {
      const selector = `fieldSelector=involvedObject.uid=${uidOf(runId)}`;
      return verb === 'list' && resource === 'events' && decodeURIComponent(path).includes(selector);
    }).length;
  await until('they were read three times', () => readings(spec.runId) >= 3);
  subject.cluster.trouble(undefined, (job) => job === subject.job(spec.runId));
  await watch.until(spec.runId, 'running');
  const before = [readings(spec.runId), readings(other.runId)] as const;
  await until('those of the other one were read again and again', () => readings(other.runId) >= before[1] + 3);
  expect(readings(spec.runId)).toBe(before[0]);
  expect(subject.server.calls.some(({ resource, verb }) => resource === 'events' && verb === 'watch')).toBe(false);
});

describe('when events may not be read', () => {
  const readings = ({ server }: MemorySubject): number =>
    server.calls.filter(({ resource }) => resource === 'events').length;

  it('is told once, and workloads get on', async () => {
    const rights = [
      { group: 'batch', resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch'] },
      { group: '', resources: ['pods'], verbs: ['list', 'watch'] },
    ];
    const logger = recordingLogger();
    await using subject = await memorySubject({ timings, rights, logger });
    subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await until('they were asked for again', () => readings(subject) >= 3);
    expect(logger.records.filter((record) => record.message.startsWith('events may not be read'))).toHaveLength(1);
    subject.cluster.trouble(undefined);
    await watch.until(spec.runId, 'running');
  });

  it('for a moment, they are read later', async () => {
    await using subject = await memorySubject({ timings });
    subject.server.fault({ kind: 'status', status: 403 }, { verb: 'list', resource: 'events', times: 1 });
    subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'pending quota_exceeded');
  });

  it('one of the waiting runs asks again, not all of them', async () => {
    await using subject = await memorySubject({ timings: { ...timings, eventsCapMs: 600_000 } });
    subject.server.fault({ kind: 'status', status: 403 }, { verb: 'list', resource: 'events' });
    subject.cluster.trouble({ kind: 'no_pod', message: QUOTA });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await until('they were asked for', () => readings(subject) === 1);
    const other = testRunSpec();
    await subject.executor.submit(other, calm);
    await watch.until(other.runId, 'pending');
    subject.cluster.trouble(undefined);
    await watch.until(other.runId, 'running');
    expect(readings(subject)).toBe(1);
  });
});

it('reads the events of a new obstacle as soon as those of a new wait', async () => {
  await using subject = await memorySubject({ timings: { ...timings, eventsFloorMs: 600_000, eventsCapMs: 600_000 } });
  subject.cluster.trouble({ kind: 'unschedulable', message: '0/1 nodes are available: 1 Insufficient cpu.' });
  await using watch = watched(subject.executor);
  await subject.executor.submit(spec, calm);
  await until('events were read', () => subject.server.calls.some(({ resource }) => resource === 'events'));
  subject.cluster.trouble({
    kind: 'creating',
    reason: 'FailedMount',
    message: 'MountVolume.SetUp failed for volume "v" : secret "none" not found',
  });
  await watch.until(spec.runId, 'pending volume_source_missing');
});

describe('the taint that keeps a pod away', () => {
  const NODES: ResourceType = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
  const message = '0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: 0/1 nodes are available.';

  it('is named where nodes may be listed, which is asked for once', async () => {
    await using subject = await memorySubject({ timings, kinds: [NODES] });
    const taints = [{ key: 'team', value: 'data', effect: 'NoSchedule' }];
    subject.server.put<KubeObject>(NODES, { metadata: { name: 'tainted' }, spec: { taints } } as KubeObject);
    subject.cluster.trouble({ kind: 'unschedulable', message });
    await using watch = watched(subject.executor);
    for (const one of [spec, testRunSpec()]) await subject.executor.submit(one, calm);
    const seen = await until('the taint is named', () =>
      watch.seen.find((one) => one.presence === 'present' && one.diagnosis?.hint?.includes('"team"') === true),
    );
    expect(seen).toMatchObject({ diagnosis: { category: 'scheduling', permanent: false } });
    expect(subject.server.calls.filter(({ resource, verb }) => verb === 'list' && resource === 'nodes')).toHaveLength(
      1,
    );
  });

  it('is not looked for without the right', async () => {
    const rights = [
      { group: 'batch', resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch'] },
      { group: '', resources: ['pods', 'events'], verbs: ['list', 'watch'] },
    ];
    await using subject = await memorySubject({ timings, rights });
    subject.cluster.trouble({ kind: 'unschedulable', message });
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await until('it is diagnosed', () =>
      watch.story(spec.runId).some((chapter) => chapter.startsWith('pending untolerated')),
    );
    expect(subject.server.calls.some(({ resource, verb }) => verb === 'list' && resource === 'nodes')).toBe(false);
  });
});
