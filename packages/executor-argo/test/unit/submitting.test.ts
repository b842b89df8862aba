import { testClock, testRandom } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { CreateResult, KubeObject } from '@runner/kube';
import { expect, it } from 'vitest';
import { createArgoExecutor } from '../../src/index.ts';
import type { ArgoApi } from '../../src/index.ts';
import { testPods } from '../support/workflow-input.ts';

const AT_ONCE = 32;
const TURN_MS = 1_000;
const never = (): Promise<never> => Promise.reject(new Error('nobody asks for this'));

/** An executor before an Argo that answers when it is told to. */
function patientArgo() {
  const clock = testClock();
  const asked: (() => void)[] = [];
  const create = <T extends KubeObject>(_type: unknown, _namespace: string, object: T): Promise<CreateResult<T>> =>
    new Promise((resolve) => {
      const metadata = { ...object.metadata, uid: `uid-${asked.length}`, resourceVersion: '1' };
      asked.push(() => resolve({ object: { ...object, metadata }, created: true }));
    });
  const argo: ArgoApi = {
    transport: 'crd',
    place: { id: 'here', description: 'the cluster at https://kubernetes.example.test' },
    workflows: { create, get: never, list: never, delete: never, podLog: never, watch: () => ({}) as never },
    listsAreFresh: true,
    streams: { silenceMs: 1, watchSeconds: 1, logSilenceMs: 1 },
    keepsAnnotations: true,
    shutdown: never,
    version: never,
    close: () => Promise.resolve(),
  };
  const executor = createArgoExecutor({ argo, namespace: 'runs', pods: testPods, clock, random: testRandom() });
  return { executor, clock, asked };
}

it('creates so many Workflows at once as the client has connections, and the next when one is answered', async () => {
  const { executor, clock, asked } = patientArgo();
  const { signal } = new AbortController();
  const submits = Array.from({ length: AT_ONCE + 2 }, () => executor.submit(testRunSpec(), signal));
  await clock.settle();
  expect(asked).toHaveLength(AT_ONCE);
  asked[0]?.();
  await submits[0];
  await clock.settle();
  expect(asked).toHaveLength(AT_ONCE + 1);
  asked[1]?.();
  await clock.settle();
  expect(asked).toHaveLength(submits.length);
  for (const answer of asked) answer();
  const results = await Promise.all(submits);
  expect(results.every(({ created, observation }) => created && observation.presence === 'present')).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

it('lets no start wait long behind an Argo that does not answer', async () => {
  const { executor, clock, asked } = patientArgo();
  const { signal } = new AbortController();
  const submits = Array.from({ length: AT_ONCE + 1 }, () => executor.submit(testRunSpec(), signal));
  await clock.advance(TURN_MS - 1);
  expect(asked).toHaveLength(AT_ONCE);
  await clock.advance(1);
  expect(asked).toHaveLength(AT_ONCE + 1);
  for (const answer of asked) answer();
  await Promise.all(submits);
});

it('a start that is given up before its turn creates nothing', async () => {
  const { executor, clock, asked } = patientArgo();
  const { signal } = new AbortController();
  const submits = Array.from({ length: AT_ONCE }, () => executor.submit(testRunSpec(), signal));
  const giveUp = new AbortController();
  const given = executor.submit(testRunSpec(), giveUp.signal);
  giveUp.abort();
  await expect(given).rejects.toMatchObject({ code: 'aborted' });
  for (const answer of asked) answer();
  await Promise.all(submits);
  await clock.settle();
  expect(asked).toHaveLength(AT_ONCE);
});
