import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { Executor } from '@runner/executor';
import { PODS } from '@runner/kube';
import { expect, it } from 'vitest';
import { NAMESPACE, argoSubject } from '../support/argo-subject.ts';
import { calm, watched } from '../support/watching.ts';

const EXITED = 'time="2026-11-21T17:42:56.836Z" level=info msg="sub-process exited" argo=true error="<nil>"\n';

async function read(executor: Executor, runId: string, follow = false): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of executor.logs(runId, { fromByte: 0, follow, signal: calm })) {
    if ('bytes' in piece) pieces.push(piece.bytes);
  }
  return Buffer.concat(pieces).toString();
}

it.each([
  ['crd', true],
  ['server', true],
  ['server', false],
] as const)(
  "over %s (pods can be seen: %s) the executor's own lines are no part of the log or of its end",
  async (transport, withPods) => {
    await using subject = await argoSubject({ transport, withPods });
    await using watch = watched(subject.executor);
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    const following = read(subject.executor, spec.runId, true);
    await subject.print(spec.runId, Buffer.from('it began\nit broke\n'));
    await subject.print(spec.runId, Buffer.from(`${EXITED}Error: exit status 3\n`));
    await subject.fail(spec.runId, 3);
    const ended = await watch.until(spec.runId, 'ended failed exit_code');
    expect(ended).toMatchObject({ outcome: { exitCode: 3, logTail: 'it began\nit broke\n' } });
    expect(await following).toBe('it began\nit broke\n');
    expect(await read(subject.executor, spec.runId)).toBe('it began\nit broke\n');
  },
);

it('a log is that of the main program, not that of the exit step', async () => {
  await using subject = await argoSubject();
  subject.controller.exitStep('hangs');
  await using watch = watched(subject.executor);
  const spec = testRunSpec();
  await subject.executor.submit(spec, calm);
  await watch.until(spec.runId, 'running');
  await subject.print(spec.runId, Buffer.from('main\n'));
  await subject.fail(spec.runId, 1);
  await until('the exit step runs', () =>
    subject.server
      .objects(PODS, NAMESPACE)
      .some(
        ({ metadata, status }) =>
          metadata?.labels?.['workflows.argoproj.io/on-exit'] === 'true' && status?.phase === 'Running',
      ),
  );
  expect(await read(subject.executor, spec.runId, true)).toBe('main\n');
});

it('a log whose pod is gone is empty, and takes nothing from the outcome', async () => {
  await using subject = await argoSubject();
  const spec = testRunSpec();
  await using watch = watched(subject.executor);
  await subject.executor.submit(spec, calm);
  await watch.until(spec.runId, 'running');
  await subject.fail(spec.runId, 3);
  await watch.until(spec.runId, 'ended failed exit_code');
  subject.server.remove(PODS, NAMESPACE, subject.workflow(spec.runId));
  expect(await read(subject.executor, spec.runId)).toBe('');
  expect(await (await subject.another()).observe(spec.runId, calm)).toMatchObject({
    outcome: { result: 'failed', exitCode: 3, diagnosis: { code: 'exit_code' } },
  });
});
