import { silentLogger, systemRandom } from '@runner/core';
import { until } from '@runner/core/testing';
import type { Observation } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import type { KubeObject, Pod } from '@runner/kube';
import { PODS } from '@runner/kube';
import type { RunCache } from '@runner/kube/runs';
import { keepPod, watchRuns } from '@runner/kube/runs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keepWorkflow } from '../../src/kept.ts';
import { judge } from '../../src/observation.ts';
import type { WorkflowSight } from '../../src/sight.ts';
import type { Workflow } from '../../src/index.ts';
import { WORKFLOWS } from '../../src/index.ts';
import type { ArgoSubject } from '../support/argo-subject.ts';
import { argoSubject } from '../support/argo-subject.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { calm, watched } from '../support/watching.ts';

interface Story {
  readonly runId: string;
  readonly workflows: readonly Workflow[];
  /** The pods that stood, after each change of one of them. */
  readonly pods: readonly (readonly Pod[])[];
}

/** What is done to a run that runs. */
type How = (subject: ArgoSubject, runId: string) => Promise<unknown>;

/** Everything that a run went through, as two watches would show it. */
async function lived(how: How, exit: 'succeeds' | 'fails'): Promise<Story> {
  await using subject = await argoSubject();
  subject.controller.exitStep(exit);
  const workflows: Workflow[] = [];
  const pods: (readonly Pod[])[] = [[]];
  const stop = subject.server.onChange(({ plural }, _event, object: KubeObject) => {
    if (plural === WORKFLOWS.plural) workflows.push(keepWorkflow(object));
    if (plural === PODS.plural) pods.push(subject.server.objects(PODS).map(keepPod));
  });
  await using watch = watched(subject.executor);
  const { runId, ...spec } = testRunSpec();
  await subject.executor.submit({ runId, ...spec }, calm);
  await until('it runs', () => subject.cluster.starts(subject.workflow(runId)) === 1);
  await how(subject, runId);
  await until('it has ended', () => watch.story(runId).some((chapter) => chapter.startsWith('ended')));
  stop();
  return { runId, workflows, pods };
}

const CONTEXT = {
  namespace: 'runs',
  placementVariable: 'ARGO_PIPELINE_TYPE_CONFIGS',
  now: Date.now(),
  untouchedMs: 15_000,
};

/** What a watch tells when the changes of both kinds come in this order: true for the next change of the Workflow. */
async function told({ runId, workflows, pods }: Story, order: readonly boolean[]): Promise<readonly Observation[]> {
  const seen: Observation[] = [];
  const stop = new AbortController();
  let at = { workflow: 0, pod: 0 };
  const sight = (): WorkflowSight => {
    const workflow = at.workflow === 0 ? undefined : workflows[at.workflow - 1];
    return { runId, pods: pods[at.pod] ?? [], ...(workflow === undefined ? {} : { workflow }) };
  };
  let touched: (of: string) => void = () => undefined;
  const cache: RunCache<WorkflowSight> = {
    sight,
    runIds: () => [runId],
    remembered: (pod) => pod,
    settled: () => undefined,
    freshAt: () => 0,
    onChange: () => () => undefined,
    synced: () => Promise.resolve(),
    run: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  };
  const look = (now: WorkflowSight): Observation => judge(now, CONTEXT);
  const latest: WorkflowSight = { runId, pods: pods.at(-1) ?? [], workflow: workflows.at(-1) ?? {} };
  const watching = watchRuns<WorkflowSight>({
    view: {
      judge: look,
      judged: (now) => Promise.resolve(look(now)),
      read: () => Promise.resolve(latest),
      hasObject: ({ workflow }) => workflow !== undefined,
      isExplained: ({ workflow }) => ['Succeeded', 'Failed', 'Error'].includes(workflow?.status?.phase ?? ''),
    },
    cache: (onTouched) => {
      touched = onTouched;
      return cache;
    },
    caches: new Set(),
    attendants: () => [],
    onObservation: (one) => seen.push(one),
    ...{ clock: hurriedClock(500), random: systemRandom(), logger: silentLogger, signal: stop.signal },
  });
  await Promise.resolve();
  const rest = [...order, ...Array.from({ length: workflows.length + pods.length }, (_, index) => index % 2 === 0)];
  for (const isWorkflow of rest) {
    at = isWorkflow
      ? { ...at, workflow: Math.min(workflows.length, at.workflow + 1) }
      : { ...at, pod: Math.min(pods.length - 1, at.pod + 1) };
    touched(runId);
    await Promise.resolve();
  }
  at = { workflow: workflows.length, pod: pods.length - 1 };
  touched(runId);
  const isEnd = (one: Observation): boolean => one.presence === 'present' && one.phase === 'ended';
  await until('its end is told', () => seen.some(isEnd));
  await new Promise((resolve) => void setImmediate(resolve));
  stop.abort();
  await watching;
  return seen;
}

const WAYS: readonly (readonly [name: string, how: How, exit: 'succeeds' | 'fails'])[] = [
  ['succeeds', (subject, runId) => subject.succeed(runId), 'succeeds'],
  ['succeeds before an exit step that fails', (subject, runId) => subject.succeed(runId), 'fails'],
  ['fails', (subject, runId) => subject.fail(runId, 3), 'succeeds'],
  ['is cancelled', (subject, runId) => subject.executor.end(runId, { reason: 'cancelled' }, calm), 'succeeds'],
];

it.each(WAYS)(
  'a run that %s is told so once, in whatever order its Workflow and pods are seen',
  async (_, how, exit) => {
    const story = await lived(how, exit);
    const expected = judge(
      { runId: story.runId, pods: story.pods.at(-1) ?? [], workflow: story.workflows.at(-1) ?? {} },
      CONTEXT,
    );
    expect(expected).toMatchObject({ phase: 'ended' });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async (order) => {
        const seen = await told(story, order);
        const ends = seen.filter((one) => one.presence === 'present' && one.phase === 'ended');
        expect(ends).toEqual([expected]);
        expect(seen.at(-1)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  },
);
