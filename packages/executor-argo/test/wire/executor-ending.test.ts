import { until } from '@runner/core/testing';
import { isEnded } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { PODS } from '@runner/kube';
import { ANNOTATIONS } from '@runner/kube/runs';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/index.ts';
import type { ArgoSubject } from '../support/argo-subject.ts';
import { NAMESPACE, argoSubject } from '../support/argo-subject.ts';
import { calm, watched } from '../support/watching.ts';

const cancel = { reason: 'cancelled' } as const;

async function started(subject: ArgoSubject, spec = testRunSpec()): Promise<string> {
  await subject.executor.submit(spec, calm);
  await until('it runs', () => subject.cluster.starts(subject.workflow(spec.runId)) === 1);
  return spec.runId;
}

/** No node takes pods of exit steps: their own deadline does not count then. */
function keepExitSteps({ cluster }: ArgoSubject): void {
  const message = '0/1 nodes are available: 1 Insufficient cpu.';
  cluster.trouble({ kind: 'unschedulable', message }, (pod) => pod.includes('exit-handler'));
}

function suspend(subject: ArgoSubject, runId: string, more: object = {}): void {
  const workflow = subject.server.object(WORKFLOWS, NAMESPACE, subject.workflow(runId)) ?? {};
  subject.server.put(WORKFLOWS, { ...workflow, spec: { ...workflow.spec, suspend: true, ...more } });
}

const shutdownOf = (subject: ArgoSubject, runId: string): unknown =>
  subject.server.object(WORKFLOWS, NAMESPACE, subject.workflow(runId))?.spec?.shutdown;

describe.each(['crd', 'server'] as const)('over %s, ending', (transport) => {
  it('stops the Workflow, runs the exit step, and is verified when no pod is left', async () => {
    await using subject = await argoSubject({ transport });
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.executor.end(runId, cancel, calm);
    expect(shutdownOf(subject, runId)).toBe('Stop');
    await watch.until(runId, 'ended cancelled');
    expect(subject.controller.exitSteps(subject.workflow(runId))).toBe(1);
    const live = subject.server.objects(PODS, NAMESPACE).filter(({ status }) => status?.phase === 'Running');
    expect(live).toEqual([]);
    expect(watch.story(runId)).toContain('ending');
  });

  it('terminates a Workflow whose exit step takes longer than it may', async () => {
    await using subject = await argoSubject({ transport, exitDeadlineSeconds: 0.5 });
    keepExitSteps(subject);
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.executor.end(runId, cancel, calm);
    await until('the exit step has begun', () => subject.controller.exitSteps(subject.workflow(runId)) === 1);
    await watch.until(runId, 'ended cancelled');
    expect(shutdownOf(subject, runId)).toBe('Terminate');
  });

  it('is gone on with by whoever watches after a restart', async () => {
    await using subject = await argoSubject({ transport, exitDeadlineSeconds: 0.5 });
    keepExitSteps(subject);
    const runId = await started(subject);
    await subject.executor.end(runId, cancel, calm);
    await subject.executor.close();
    await using watch = watched(await subject.another());
    const seen = await watch.until(
      runId,
      transport === 'crd' ? 'ended cancelled' : 'ended cancelled workflow_terminated',
    );
    expect(seen).toMatchObject({ phase: 'ended', outcome: { result: 'cancelled' } });
    expect(shutdownOf(subject, runId)).toBe('Terminate');
  });

  it('of a run that waits for a node leaves no pod and never begins', async () => {
    await using subject = await argoSubject({ transport });
    subject.cluster.trouble(
      { kind: 'unschedulable', message: '0/1 nodes are available: 1 Insufficient cpu.' },
      (pod) => !pod.includes('exit-handler'),
    );
    await using watch = watched(subject.executor);
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'pending insufficient_cpu');
    await subject.executor.end(spec.runId, cancel, calm);
    const ended = await watch.until(spec.runId, 'ended cancelled');
    expect(ended).not.toHaveProperty('startedAt');
    expect(subject.cluster.starts(subject.workflow(spec.runId))).toBe(0);
  });

  it('of a run that somebody suspended takes the suspension away, which would keep it from ending', async () => {
    await using subject = await argoSubject({ transport });
    await using watch = watched(subject.executor);
    subject.controller.pause();
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    suspend(subject, spec.runId);
    subject.controller.resume();
    await watch.until(spec.runId, 'pending workflow_suspended');
    await subject.executor.end(spec.runId, cancel, calm);
    await watch.until(spec.runId, 'ended cancelled');
    expect(subject.cluster.starts(subject.workflow(spec.runId))).toBe(0);
  });

  it('of a run that was suspended while it ran, and stopped by hand, brings it to its end', async () => {
    await using subject = await argoSubject({ transport });
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    suspend(subject, runId, { shutdown: 'Stop' });
    await watch.until(runId, 'ending');
    await subject.executor.end(runId, cancel, calm);
    await watch.until(runId, 'ended cancelled');
    expect(subject.controller.exitSteps(subject.workflow(runId))).toBe(1);
  });
});

it('over an Argo Server a suspended run that may not be let go on is stopped, and what is missing is said', async () => {
  const verbs = ['create', 'get', 'list', 'watch', 'patch', 'delete'];
  const rights = [{ group: 'argoproj.io', resources: ['workflows'], verbs, namespace: NAMESPACE }];
  await using subject = await argoSubject({ transport: 'server', withPods: false, rights });
  const runId = await started(subject);
  suspend(subject, runId);
  await expect(subject.executor.end(runId, cancel, calm)).rejects.toMatchObject({
    code: 'executor_unavailable',
    message: expect.stringContaining('resume workflows') as string,
  });
  expect(shutdownOf(subject, runId)).toBe('Stop');
});

it('writes the reason on the Workflow in the call that stops it, where it can', async () => {
  await using subject = await argoSubject();
  const runId = await started(subject);
  await subject.executor.end(runId, { reason: 'permanent_failure', message: 'No such image.' }, calm);
  const { metadata } = subject.server.object(WORKFLOWS, NAMESPACE, subject.workflow(runId)) ?? {};
  expect(JSON.parse(metadata?.annotations?.[ANNOTATIONS.intent] ?? '{}')).toMatchObject({
    reason: 'permanent_failure',
    message: 'No such image.',
  });
  const patches = subject.server.calls.filter(({ verb }) => verb === 'patch');
  expect(patches).toHaveLength(1);
});

it('a process that did not end the run itself only knows that it was stopped, over an Argo Server', async () => {
  await using subject = await argoSubject({ transport: 'server' });
  const runId = await started(subject);
  await subject.executor.end(runId, { reason: 'permanent_failure', message: 'No such image.' }, calm);
  await using own = watched(subject.executor);
  expect(await own.until(runId, 'ended failed permanent_failure')).toMatchObject({ outcome: { result: 'failed' } });
  const other = await subject.another();
  expect(await other.observe(runId, calm)).toMatchObject({
    outcome: { result: 'cancelled', diagnosis: { code: 'workflow_stopped' } },
  });
});

describe('what others do to a run', () => {
  it('a Workflow terminated by hand is cancelled, and no exit step runs', async () => {
    await using subject = await argoSubject();
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    const name = subject.workflow(runId);
    const workflow = subject.server.object(WORKFLOWS, NAMESPACE, name) ?? {};
    subject.server.put(WORKFLOWS, { ...workflow, spec: { ...workflow.spec, shutdown: 'Terminate' } });
    await watch.until(runId, 'ended cancelled workflow_terminated');
    expect(subject.controller.exitSteps(name)).toBe(0);
  });

  it('a Workflow deleted by hand is gone once its pod is', async () => {
    await using subject = await argoSubject();
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.remove?.(runId);
    await watch.until(runId, 'absent');
    expect(subject.server.objects(PODS, NAMESPACE)).toEqual([]);
  });

  it('a Workflow whose time to live has passed is absent', async () => {
    await using subject = await argoSubject({ ttlSeconds: 3 });
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.succeed(runId);
    await watch.until(runId, 'ended succeeded');
    await watch.until(runId, 'absent');
  });

  it('a pod deleted by hand is a failure that says so', async () => {
    await using subject = await argoSubject();
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    subject.server.delete(PODS, NAMESPACE, subject.workflow(runId));
    const ended = await until('it has ended', () =>
      watch.seen.find((one) => one.presence === 'present' && one.phase === 'ended'),
    );
    expect(ended).toMatchObject({
      outcome: { result: 'failed', diagnosis: { category: 'lost', code: 'pod_deleted' } },
    });
  });
});

describe('the exit step', () => {
  it('that fails makes no failure of a success, and is told', async () => {
    await using subject = await argoSubject();
    subject.controller.exitStep('fails');
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.succeed(runId);
    const ended = await watch.until(runId, 'ended succeeded exit_step_failed');
    expect(ended).toMatchObject({ outcome: { result: 'succeeded', exitCode: 0 } });
  });

  it('is waited for: the run is ending until it is over, with the times of its program', async () => {
    await using subject = await argoSubject();
    subject.controller.exitStep('hangs');
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.fail(runId, 3);
    const seen = await watch.until(runId, 'ending');
    expect(seen).toMatchObject({ startedAt: expect.any(Number) as number, endedAt: expect.any(Number) as number });
    subject.controller.exitStep('succeeds');
    await watch.until(runId, 'ended failed exit_code');
  });

  it('there is none for applications', async () => {
    await using subject = await argoSubject();
    await using watch = watched(subject.executor);
    const runId = await started(subject, testRunSpec({ kind: 'application', pipelineType: 'application' }));
    await subject.succeed(runId);
    await watch.until(runId, 'ended succeeded');
    expect(subject.controller.exitSteps(subject.workflow(runId))).toBe(0);
  });

  it('that cannot report leaves the success of its run', async () => {
    await using subject = await argoSubject();
    subject.controller.forbidResults();
    await using watch = watched(subject.executor);
    const runId = await started(subject);
    await subject.succeed(runId);
    await watch.until(runId, 'ended succeeded workflowtaskresults_forbidden');
  });
});

it('of a run that an old list does not show yet stops its Workflow, and takes no pod away', async () => {
  await using subject = await argoSubject({ transport: 'server' });
  const isFresh = subject.argoServer?.fault({ kind: 'stale_lists' });
  const runId = await started(subject);
  expect(await subject.executor.end(runId, cancel, calm)).toMatchObject({ phase: 'ending' });
  expect(shutdownOf(subject, runId)).toBe('Stop');
  isFresh?.();
  const ended = await until('it has ended', async () => {
    const seen = await subject.executor.observe(runId, calm);
    return isEnded(seen) ? seen : undefined;
  });
  expect(ended).toMatchObject({ outcome: { result: 'cancelled' } });
  expect(subject.controller.exitSteps(subject.workflow(runId))).toBe(1);
});
