import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { Pod } from '@runner/kube';
import { JOBS, PODS } from '@runner/kube';
import { expect, it } from 'vitest';
import type { MemorySubject } from '../support/memory-subject.ts';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { calm, watched } from '../support/watching.ts';

const spec = testRunSpec();

/** `main` has ended a minute ago, and the pod has not: another container goes on. */
function mainEnds(subject: MemorySubject, exitCode: number): void {
  const pod = subject.cluster.pod(subject.job(spec.runId));
  if (pod === undefined) throw new Error('there is no pod');
  const finishedAt = new Date(Date.now() - 60_000).toISOString();
  const terminated = { exitCode, reason: 'Error', startedAt: finishedAt, finishedAt };
  const containerStatuses = pod.status?.containerStatuses?.map((status) => ({ ...status, state: { terminated } }));
  subject.server.put<Pod>(PODS, { ...pod, status: { ...pod.status, containerStatuses: containerStatuses ?? [] } });
}

const patches = ({ server }: MemorySubject): number => server.calls.filter(({ verb }) => verb === 'patch').length;

it.each([
  [0, 'ended succeeded'],
  [3, 'ended failed exit_code'],
])('a run whose program has ended with %i is ended although its pod lives on', async (exitCode, chapter) => {
  await using subject = await memorySubject({ timings: { lingerMs: 200 } });
  await using watch = watched(subject.executor);
  await subject.executor.submit(spec, calm);
  await watch.until(spec.runId, 'running');
  mainEnds(subject, exitCode);
  await watch.until(spec.runId, chapter);
  expect(patches(subject)).toBe(1);
  expect(subject.server.objects(PODS, NAMESPACE).filter(({ status }) => status?.phase === 'Running')).toEqual([]);
  // An agent that comes later, when the pod is gone, sees the same.
  await using later = watched(await subject.another());
  await later.until(spec.runId, chapter);
  expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ outcome: { exitCode } });
});

it('the Job is patched again when that failed, and not while the program runs', async () => {
  await using subject = await memorySubject({ timings: { lingerMs: 100 } });
  subject.server.fault({ kind: 'status', status: 409, reason: 'Conflict' }, { verb: 'patch', times: 1 });
  await using watch = watched(subject.executor);
  const other = testRunSpec();
  for (const one of [spec, other]) await subject.executor.submit(one, calm);
  for (const { runId } of [spec, other]) await watch.until(runId, 'running');
  mainEnds(subject, 0);
  await watch.until(spec.runId, 'ended succeeded');
  await until('the second patch was answered', () => patches(subject) === 2);
  expect(watch.story(other.runId).at(-1)).toBe('running');
  const job = subject.server.object(JOBS, NAMESPACE, subject.job(other.runId));
  expect(job?.spec?.activeDeadlineSeconds).toBeGreaterThan(1);
});
