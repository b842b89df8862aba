import { until } from '@runner/core/testing';
import type { Probe } from '@runner/executor';
import { RUN_ID_LABEL } from '@runner/executor';
import { PODS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/index.ts';
import type { ArgoSubject, ArgoSubjectOptions } from '../support/argo-subject.ts';
import { NAMESPACE, argoSubject } from '../support/argo-subject.ts';
import { calm, owner, watched } from '../support/watching.ts';

const PROBE: Probe = { command: ['look', '--closely'], image: 'example.test/looker:1', timeoutMs: 30_000 };

const WITHOUT_PODS = [{ group: 'argoproj.io', resources: ['workflows'], verbs: ['*'], namespace: NAMESPACE }];
const WAYS: readonly (readonly [string, ArgoSubjectOptions])[] = [
  ['the custom resources', { transport: 'crd' }],
  ['Argo Server, with pods in sight', { transport: 'server' }],
  ['Argo Server alone', { transport: 'server', withPods: false }],
  ['Argo Server, with a token that may not look at pods', { transport: 'server', rights: WITHOUT_PODS }],
];

/** Name of the Workflow of a probe, once its program runs. */
async function running({ server, cluster }: ArgoSubject): Promise<string> {
  const workflow = await until('there is a Workflow', () => server.objects(WORKFLOWS)[0]);
  const name = workflow.metadata?.name ?? '';
  await until('it runs', () => cluster.starts(name) > 0);
  return name;
}

const nothingIsLeft = async ({ server }: ArgoSubject): Promise<void> => {
  await until('the Workflow is gone', () => server.objects(WORKFLOWS).length === 0);
  await until('its pod is gone', () => server.objects(PODS).length === 0);
};

describe.each(WAYS)('a probe over %s', (_way, options) => {
  it('runs in a Workflow like those of runs, is none, and leaves nothing but its answer', async () => {
    await using subject = await argoSubject(options);
    await using watch = watched(subject.executor);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    const name = await running(subject);
    const workflow = subject.server.object(WORKFLOWS, NAMESPACE, name);
    const [step] = workflow?.spec?.templates ?? [];
    expect(step?.container).toMatchObject({ image: 'example.test/looker:1', command: ['look', '--closely'] });
    expect(workflow?.metadata?.labels).not.toHaveProperty(RUN_ID_LABEL);
    subject.cluster.exit(name, 3, { message: '[{"it is": "raining"}]\n' });
    const { message, ...end } = (await answer) ?? {};
    expect(message?.trim()).toBe('[{"it is": "raining"}]');
    expect(end).toEqual({ exitCode: 3 });
    await nothingIsLeft(subject);
    expect(watch.seen).toEqual([]);
    expect((await subject.executor.list(owner, calm)).observations).toEqual([]);
  });

  it('gives at most 4,096 bytes', async () => {
    await using subject = await argoSubject(options);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    subject.cluster.exit(await running(subject), 0, { message: 'é'.repeat(5_000) });
    expect(await answer).toEqual({ message: 'é'.repeat(2_048), exitCode: 0 });
  });

  it('that cannot begin says what the cluster says of it, and goes', async () => {
    await using subject = await argoSubject(options);
    const short = { ...PROBE, timeoutMs: 1_500 };
    subject.cluster.trouble({ kind: 'waiting', reason: 'ErrImagePull', message: 'no such image' });
    expect(await subject.executor.probe?.(short, calm)).toEqual({
      message: '',
      trouble: 'It did not end within 2 s. It waits: ErrImagePull: no such image',
    });
    subject.cluster.trouble({ kind: 'unschedulable', message: '0/1 nodes are available.' });
    expect((await subject.executor.probe?.(short, calm))?.trouble).toContain(
      'No node takes its pod: 0/1 nodes are available.',
    );
    await nothingIsLeft(subject);
  });

  it('that Argo does not begin says so', async () => {
    await using subject = await argoSubject(options);
    const short = { ...PROBE, timeoutMs: 1_500 };
    subject.controller.parallelism(0);
    expect((await subject.executor.probe?.(short, calm))?.trouble).toContain(
      'Its Workflow waits: Workflow processing has been postponed',
    );
    subject.controller.pause();
    expect((await subject.executor.probe?.(short, calm))?.trouble).toContain('No controller has touched its Workflow.');
    await nothingIsLeft(subject);
  });

  it('is removed when nobody waits for it any more', async () => {
    await using subject = await argoSubject(options);
    const leaving = new AbortController();
    const answer = subject.executor.probe?.(PROBE, leaving.signal);
    answer?.catch(() => undefined);
    await running(subject);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: 'aborted' });
    await nothingIsLeft(subject);
  });

  it('goes on while Argo cannot be asked for a moment', async () => {
    await using subject = await argoSubject(options);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    const name = await running(subject);
    const back = await subject.outage?.();
    subject.cluster.exit(name, 0, { message: 'still here' });
    await back?.();
    expect(await answer).toEqual({ message: 'still here', exitCode: 0 });
  });

  it('that may not be made says so, in the words of the executor', async () => {
    await using subject = await argoSubject({ ...options, rights: [] });
    await expect(subject.executor.probe?.(PROBE, calm)).rejects.toMatchObject({ code: 'executor_unavailable' });
    await expect(subject.executor.probe?.({ command: ['x'], timeoutMs: 1 }, calm)).rejects.toMatchObject({
      code: 'invalid_spec',
    });
    expect(subject.server.objects(WORKFLOWS)).toEqual([]);
  });

  it('ends with the executor', async () => {
    await using subject = await argoSubject(options);
    const executor = await subject.another();
    const answer = executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    await running(subject);
    await executor.close();
    await expect(answer).rejects.toMatchObject({ code: 'executor_unavailable' });
    await nothingIsLeft(subject);
  });
});

describe('a probe whose pod cannot be seen', () => {
  const alone: ArgoSubjectOptions = { transport: 'server', withPods: false };

  it('that says nothing has no answer but its exit code', async () => {
    await using subject = await argoSubject(alone);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    subject.cluster.exit(await running(subject), 0);
    expect(await answer).toEqual({ message: '', exitCode: 0 });
  });

  it('whose account may not report to Argo says so', async () => {
    await using subject = await argoSubject(alone);
    subject.controller.forbidResults();
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    subject.cluster.exit(await running(subject), 0, { message: 'it cannot be read' });
    const end = await answer;
    expect(end?.message).toBe('');
    expect(end?.trouble).toMatch(/^Its Workflow is Error: .*workflowtaskresults\.argoproj\.io is forbidden/);
  });

  it('and that failed says what it says, whoever may report to Argo', async () => {
    await using subject = await argoSubject(alone);
    subject.controller.forbidResults();
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    subject.cluster.exit(await running(subject), 11, { message: '[{"ok": false}]' });
    expect(await answer).toMatchObject({ message: '[{"ok": false}]', exitCode: 11 });
  });

  it('and whose Workflow somebody deletes says so', async () => {
    await using subject = await argoSubject(alone);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    subject.server.delete(WORKFLOWS, NAMESPACE, await running(subject), { graceSeconds: 0 });
    expect(await answer).toEqual({ message: '', trouble: 'Its Workflow is gone.' });
  });

  it('whose image lacks the program says so', async () => {
    await using subject = await argoSubject(alone);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    // Argo's own program in the container says it, and writes no file that is kept.
    const missing = 'failed to find name in PATH: exec: "look": executable file not found in $PATH';
    subject.controller.forbidResults();
    subject.cluster.exit(await running(subject), 64, { message: missing });
    expect(await answer).toEqual({
      ...{ message: missing, exitCode: 64 },
      trouble: `Its Workflow is Failed: main: Error (exit code 64): ${missing}`,
    });
  });
});
