import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import { expect, it } from 'vitest';
import type { ArgoSubject } from '../support/argo-subject.ts';
import { argoSubject } from '../support/argo-subject.ts';
import { calm, watched } from '../support/watching.ts';

const RUNS = 20;

/** Calls of the executor since a mark, by verb and resource; what an Argo Server asks in its turn is not counted. */
function counted(
  { server, argoServer }: ArgoSubject,
  marks: readonly [number, number],
): Readonly<Record<string, number>> {
  const names =
    argoServer === undefined
      ? server.calls.slice(marks[0]).map(({ verb, resource }) => `${verb} ${resource}`)
      : [
          ...argoServer.calls.slice(marks[1]).map(({ call }) => `${call} workflows`),
          ...server.calls
            .slice(marks[0])
            .filter(({ resource, verb }) => resource === 'pods' && verb === 'log')
            .map(() => 'log pods'),
        ];
  return Object.fromEntries(
    [...new Set(names)].map((name) => [name, names.filter((one) => one === name).length] as const),
  );
}

const streams = ({ server, argoServer }: ArgoSubject): number =>
  argoServer === undefined ? server.openWatches() : argoServer.openStreams('watch');

it.each([
  ['crd', 2],
  ['server', 1],
] as const)(
  'a healthy run over %s costs its creation and one log stream, and no watch of its own',
  async (transport, watches) => {
    await using subject = await argoSubject({ transport });
    const { executor, server, cluster, argoServer } = subject;
    await using watch = watched(executor);
    await until('the watches stand', () => streams(subject) === watches && server.openWatches() === 2);
    const marks = [server.calls.length, argoServer?.calls.length ?? 0] as const;
    const specs = Array.from({ length: RUNS }, () => testRunSpec());
    for (const spec of specs) await executor.submit(spec, calm);
    const logs = specs.map(async ({ runId }) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of executor.logs(runId, { fromByte: 0, follow: true, signal: calm })) {
        if ('bytes' in piece) pieces.push(piece.bytes);
      }
      return Buffer.concat(pieces).toString();
    });
    for (const { runId } of specs) {
      await watch.until(runId, 'running');
      cluster.print(subject.workflow(runId), 'all is well\n');
    }
    await until('every log is followed', () => counted(subject, marks)['log pods'] === RUNS);
    for (const { runId } of specs) cluster.exit(subject.workflow(runId), 0);
    for (const { runId } of specs) await watch.until(runId, 'ended succeeded');
    expect(await Promise.all(logs)).toEqual(specs.map(() => 'all is well\n'));
    expect(counted(subject, marks)).toEqual({ 'create workflows': RUNS, 'log pods': RUNS });
    expect(streams(subject)).toBe(watches);
  },
);
