import type { Probe } from '@runner/executor';
import { RUN_ID_LABEL } from '@runner/executor';
import { PODS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/index.ts';
import { argoSubject } from '../support/argo-subject.ts';
import { calm, owner, until, watched } from '../support/watching.ts';

const PROBE: Probe = { command: ['look', '--closely'], image: 'example.test/looker:1', timeoutMs: 30_000 };

describe.each(['crd', 'server'] as const)('a probe over %s', (transport) => {
  it('runs in a Workflow like those of runs, is none, and leaves nothing but its answer', async () => {
    await using subject = await argoSubject({ transport });
    await using watch = watched(subject.executor);
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    const workflow = await until('there is a Workflow', () => subject.server.objects(WORKFLOWS)[0]);
    const name = workflow.metadata?.name ?? '';
    const [step] = workflow.spec?.templates ?? [];
    expect(step?.container).toMatchObject({ image: 'example.test/looker:1', command: ['look', '--closely'] });
    expect(step?.container?.env?.map((variable) => variable.name)).not.toContain('config');
    expect(workflow.metadata?.labels).not.toHaveProperty(RUN_ID_LABEL);
    expect(step?.metadata?.labels).not.toHaveProperty(RUN_ID_LABEL);
    expect(workflow.spec).not.toHaveProperty('onExit');
    await until('it runs', () => subject.cluster.starts(name) > 0);
    subject.cluster.exit(name, 3, { message: 'it is raining' });
    expect(await answer).toEqual({ message: 'it is raining', exitCode: 3 });
    await until('the Workflow is gone', () => subject.server.objects(WORKFLOWS).length === 0);
    await until('its pod is gone', () => subject.server.objects(PODS).length === 0);
    expect(watch.seen).toEqual([]);
    expect((await subject.executor.list(owner, calm)).observations).toEqual([]);
  });
});

it('there is none where pods cannot be seen', async () => {
  await using subject = await argoSubject({ transport: 'server', withPods: false });
  expect(subject.executor).not.toHaveProperty('probe');
});
