import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { LOG_TAIL_LINES } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { expect, it } from 'vitest';
import type { K8sExecutor } from '../../src/index.ts';
import { memorySubject } from '../support/memory-subject.ts';
import { calm, watched } from '../support/watching.ts';

async function follow(executor: K8sExecutor, runId: string): Promise<string> {
  let text = '';
  for await (const piece of executor.logs(runId, { fromByte: 0, follow: true, signal: calm })) {
    if ('bytes' in piece) text += Buffer.from(piece.bytes).toString();
  }
  return text;
}

it('follows so many logs at once; the others are read when their runs have ended, or when a place is free', async () => {
  await using subject = await memorySubject({ maxFollowedLogs: 2 });
  const { executor, cluster, server } = subject;
  await using watch = watched(executor);
  const specs = Array.from({ length: 5 }, () => testRunSpec());
  for (const spec of specs) await executor.submit(spec, calm);
  for (const { runId } of specs) await watch.until(runId, 'running');
  const texts = Promise.all(specs.map(({ runId }) => follow(executor, runId)));
  const streams = (): number => server.calls.filter(({ verb }) => verb === 'log').length;
  for (const { runId } of specs) cluster.print(subject.job(runId), `of ${runId}\n`);
  await until('two are followed', () => streams() === 2);
  for (const { runId } of specs.toReversed()) {
    cluster.exit(subject.job(runId), 0);
    await watch.until(runId, 'ended succeeded');
  }
  expect(await texts).toEqual(specs.map(({ runId }) => `of ${runId}\n`));
  expect(streams()).toBe(5);
});

it('waits for the program to begin, and ends when it never does', async () => {
  await using subject = await memorySubject();
  const { executor, cluster } = subject;
  const [starts, never] = [testRunSpec(), testRunSpec()];
  cluster.trouble({ kind: 'waiting', reason: 'ImagePullBackOff', message: 'not there' });
  for (const spec of [starts, never]) await executor.submit(spec, calm);
  const texts = Promise.all([follow(executor, starts.runId), follow(executor, never.runId)]);
  await executor.end(never.runId, { reason: 'cancelled' }, calm);
  await until('it is over', async () => {
    const seen = await executor.observe(never.runId, calm);
    return seen.presence === 'present' && seen.phase === 'ended';
  });
  cluster.trouble(undefined);
  await until('it runs', () => cluster.starts(subject.job(starts.runId)) === 1);
  cluster.print(subject.job(starts.runId), 'here\n');
  cluster.exit(subject.job(starts.runId), 0);
  expect(await texts).toEqual(['here\n', '']);
});

it('a failed run carries the last 500 lines of its output, redacted', async () => {
  await using subject = await memorySubject();
  const { executor, cluster } = subject;
  const spec = testRunSpec();
  await executor.submit(spec, calm);
  await until('it runs', () => cluster.starts(subject.job(spec.runId)) === 1);
  const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index} password=not-a-real-one-${index}\n`);
  cluster.print(subject.job(spec.runId), lines.join(''));
  cluster.print(subject.job(spec.runId), 'FATAL: password authentication failed for user "me"\n');
  cluster.exit(subject.job(spec.runId), 1);
  const seen = await until('it has ended', async () => {
    const now = await executor.observe(spec.runId, calm);
    return now.presence === 'present' && now.outcome !== undefined ? now : undefined;
  });
  const tail = seen.outcome?.logTail?.split('\n') ?? [];
  expect(tail).toHaveLength(LOG_TAIL_LINES + 1);
  expect(tail[0]).toBe('line 1501 password=[redacted]');
  expect(seen.outcome?.logTail).not.toContain('not-a-real-one');
  expect(seen.outcome?.diagnosis?.code).toBe('source_refused_login');
});
