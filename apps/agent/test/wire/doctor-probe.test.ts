import { systemRandom } from '@runner/core';
import { testClock, until } from '@runner/core/testing';
import { EVENTS, JOBS, PODS } from '@runner/kube';
import { startTestApiServer } from '@runner/kube/testing';
import { parseConfig } from '@runner/agent/config';
import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../src/doctor/checks/image.ts';
import type { ClusterSight, DoctorContext } from '../../src/doctor/context.ts';
import { runTrue } from '../../src/doctor/probe-pod.ts';
import { testToken } from '../tokens.ts';

const NAMESPACE = 'ingestion';
const SECONDS = 20;

function settings(): ClusterSight['settings'] {
  const env = {
    ...{ AUTH_TOKEN: testToken({}), SERVER_URL: 'wss://x.example.test', EXECUTOR_TYPE: 'simpleK8s' },
    ...{ KUBECONFIG: '/kubeconfig', INGESTION_IMAGE: 'example.test/ingestion:1' },
  };
  const result = parseConfig(env, () => 'apiVersion: v1', 0);
  if (!result.ok || result.config.executor.type !== 'simpleK8s') throw new Error(JSON.stringify(result));
  return result.config.executor;
}

describe('the pod that tries the image', () => {
  it('on a node with much to do is waited for until the end, and is slow, not wrong', async () => {
    await using server = await startTestApiServer({ namespaces: [NAMESPACE] });
    // A node that was given the pod and has not said a word since.
    server.onChange((type, event, object) => {
      if (type.kind !== JOBS.kind || event !== 'ADDED') return;
      const pod = server.put(PODS, {
        metadata: { namespace: NAMESPACE, name: 'probe', labels: object.metadata?.labels ?? {} },
        spec: { nodeName: 'busy', containers: [] },
        status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
      });
      server.put(EVENTS, {
        metadata: { namespace: NAMESPACE, name: 'probe.1' },
        involvedObject: { kind: 'Pod', uid: pod.metadata?.uid ?? '' },
        reason: 'Scheduled',
      });
    });
    const clock = testClock();
    const leaving = new AbortController();
    const context = { clock, random: systemRandom() } as unknown as DoctorContext;
    const sight = { api: server.api(), namespace: NAMESPACE, settings: settings() } as unknown as ClusterSight;
    let ends = 0;
    const isOver = (): boolean => ends > 0;
    const course = runTrue(context, sight, 'example.test/ingestion:1', leaving.signal).finally(() => (ends += 1));
    for (let second = 0; second < SECONDS && !isOver(); second += 1) {
      await until('it looks again later', () => isOver() || clock.pendingTimers > 0);
      await clock.advance(1_000);
    }
    expect(isOver()).toBe(false);
    leaving.abort();
    const end = await course;
    expect(end).toMatchObject({ kind: 'waits', diagnosis: { code: 'node_silent' } });
    expect(end.kind === 'waits' && end.diagnosis !== undefined && reasonOf(end.diagnosis)).toBe('image_slow');
    expect(server.objects(JOBS)).toEqual([]);
  });
});
