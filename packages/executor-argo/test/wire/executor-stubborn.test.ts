import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import { PODS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/index.ts';
import type { ArgoSubject } from '../support/argo-subject.ts';
import { NAMESPACE, argoSubject } from '../support/argo-subject.ts';
import { calm, watched } from '../support/watching.ts';
import { testPods } from '../support/workflow-input.ts';

const MARGIN_MS = 50;
const patient = { pods: { ...testPods, graceSeconds: 1 }, timings: { stubbornMs: MARGIN_MS } };
const patches = ({ server }: ArgoSubject) =>
  server.calls.filter(({ verb, resource }) => verb === 'patch' && resource === 'pods');

/** What Argo leaves behind where `main` ignores SIGTERM: SIGKILL from inside a container does not reach its first process. */
async function outlived(subject: ArgoSubject, runId: string): Promise<void> {
  await subject.executor.submit(testRunSpec({ runId }), calm);
  const name = subject.workflow(runId);
  await until('it runs', () => subject.cluster.starts(name) === 1);
  await until('Argo has seen it', () => subject.server.object(WORKFLOWS, NAMESPACE, name)?.status?.phase === 'Running');
  subject.controller.pause();
  const workflow = subject.server.object(WORKFLOWS, NAMESPACE, name);
  const [[id, node] = ['', {}]] = Object.entries(workflow?.status?.nodes ?? {});
  const message = 'workflow shutdown with strategy:  Stop';
  subject.server.put(WORKFLOWS, {
    ...workflow,
    spec: { ...workflow?.spec, shutdown: 'Stop' },
    status: { phase: 'Failed', nodes: { [id]: { ...node, phase: 'Failed', message } } },
  });
}

/** The kubelet kills a pod whose deadline has passed; the one in memory does not notice that it was changed. */
async function killed(subject: ArgoSubject, runId: string): Promise<void> {
  const name = subject.workflow(runId);
  const deadline = () => subject.server.object(PODS, NAMESPACE, name)?.spec?.activeDeadlineSeconds;
  await until('its deadline is brought forward', () => deadline() === 1);
  subject.cluster.exit(name, 137);
}

describe('a program that outlives its Workflow', () => {
  it('is ended by the deadline of its pod, and the run has ended only then', async () => {
    await using subject = await argoSubject(patient);
    await using watch = watched(subject.executor);
    const { runId } = testRunSpec();
    await outlived(subject, runId);
    await killed(subject, runId);
    await watch.until(runId, 'ended cancelled workflow_stopped');
    expect(watch.story(runId)).toContain('ending');
    expect(patches(subject)).toHaveLength(1);
  });

  it('is ended by whoever watches after a restart', async () => {
    await using subject = await argoSubject(patient);
    const { runId } = testRunSpec();
    await outlived(subject, runId);
    await subject.executor.close();
    await using watch = watched(await subject.another());
    await killed(subject, runId);
    await watch.until(runId, 'ended cancelled workflow_stopped');
  });

  it('has its pod left alone when it ends in its grace', async () => {
    await using subject = await argoSubject(patient);
    await using watch = watched(subject.executor);
    const { runId } = testRunSpec();
    await outlived(subject, runId);
    subject.cluster.exit(subject.workflow(runId), 143);
    await watch.until(runId, 'ended cancelled workflow_stopped');
    expect(patches(subject)).toEqual([]);
  });
});
