import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { TestApiServer } from '@runner/kube/testing';
import { expect, it } from 'vitest';
import { memorySubject } from '../support/memory-subject.ts';
import { calm, watched } from '../support/watching.ts';

/** Calls since a mark, counted by verb and resource. */
function callsSince(server: TestApiServer, mark: number): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { verb, resource } of server.calls.slice(mark)) {
    const call = `${verb} ${resource}`;
    counts[call] = (counts[call] ?? 0) + 1;
  }
  return counts;
}

it.each([
  ['inline', { 'create jobs': 20, 'log pods': 20 }],
  ['secret', { 'create jobs': 20, 'create secrets': 20, 'log pods': 20 }],
  ['configmap', { 'create jobs': 20, 'create configmaps': 20, 'log pods': 20 }],
] as const)('a healthy run with its config %s costs its creation and one log stream', async (delivery, expected) => {
  await using subject = await memorySubject({ delivery });
  const { executor, server, cluster } = subject;
  await using watch = watched(executor);
  await until('both watches stand', () => server.openWatches() === 2);
  // The sweep asks for its rights once, at the beginning.
  await until('the sweep is over', () =>
    server.calls.some(({ resource, verb }) => verb === 'list' && resource === 'configmaps'),
  );
  const mark = server.calls.length;
  const specs = Array.from({ length: 20 }, () => testRunSpec());
  for (const spec of specs) await executor.submit(spec, calm);
  const following = specs.map(async ({ runId }) => {
    await watch.until(runId, 'running');
    let text = '';
    for await (const piece of executor.logs(runId, { fromByte: 0, follow: true, signal: calm })) {
      if ('bytes' in piece) text += Buffer.from(piece.bytes).toString();
    }
    return text;
  });
  for (const { runId } of specs) {
    await watch.until(runId, 'running');
    cluster.print(subject.job(runId), 'all is well\n');
  }
  await until('every log is followed', () => callsSince(server, mark)['log pods'] === 20);
  for (const { runId } of specs) cluster.exit(subject.job(runId), 0);
  for (const { runId } of specs) await watch.until(runId, 'ended succeeded');
  expect(await Promise.all(following)).toEqual(specs.map(() => 'all is well\n'));
  expect(callsSince(server, mark)).toEqual(expected);
  expect(server.openWatches()).toBe(2);
});

it('a log that is followed before the watches tell of its run costs no more', async () => {
  await using subject = await memorySubject({ delivery: 'inline' });
  const { executor, server, cluster } = subject;
  await using watch = watched(executor);
  await until('both watches stand', () => server.openWatches() === 2);
  await until('the sweep is over', () =>
    server.calls.some(({ resource, verb }) => verb === 'list' && resource === 'configmaps'),
  );
  const late = server.fault({ kind: 'late_events', byMs: 200 }, { verb: 'watch' });
  const mark = server.calls.length;
  const { runId, ...spec } = testRunSpec();
  await executor.submit({ runId, ...spec }, calm);
  const following = (async () => {
    for await (const piece of executor.logs(runId, { fromByte: 0, follow: true, signal: calm })) {
      if ('bytes' in piece) return Buffer.from(piece.bytes).toString();
    }
    return '';
  })();
  await watch.until(runId, 'running');
  cluster.print(subject.job(runId), 'all is well\n');
  expect(await following).toBe('all is well\n');
  late();
  cluster.exit(subject.job(runId), 0);
  await watch.until(runId, 'ended succeeded');
  expect(callsSince(server, mark)).toEqual({ 'create jobs': 1, 'log pods': 1 });
});
