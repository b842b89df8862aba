import type { RunSpec } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import type { Job, Pod, PodSettings } from '@runner/kube';
import { buildPodTemplate } from '@runner/kube';
import type { StoredIntent } from '@runner/kube/runs';
import { ANNOTATIONS } from '@runner/kube/runs';
import { buildJob } from '../../src/job.ts';

/** Noon of a day; what happens is told in seconds after it. */
export const NOON = Date.UTC(2026, 0, 1, 12);
export const at = (seconds: number): string => new Date(NOON + seconds * 1_000).toISOString().replace('.000Z', 'Z');

export const testSettings: PodSettings = {
  image: { image: 'docker.io/runner/workload:1' },
  serviceAccountName: 'ingestion',
  scheduling: {
    variable: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
    types: { placements: new Map(), problems: [] },
    ingestion: [],
    automation: [],
  },
};

/** A Job as the API would show it, of a run of one minute. */
export function jobOf(
  spec: RunSpec = testRunSpec(),
  changes: { spec?: object; status?: object; metadata?: object } = {},
): Job {
  const delivery = { kind: 'inline', text: '{}' } as const;
  const place = { workloadName: 'om-job-test', namespace: 'runs' };
  const job = buildJob({
    spec,
    name: 'om-job-test',
    namespace: 'runs',
    template: buildPodTemplate({ spec, settings: testSettings, delivery, ...place }),
    delivery,
    ttlSeconds: 604_800,
    startDeadlineSeconds: 1_800,
    submission: 'test',
  });
  return {
    ...job,
    metadata: { ...job.metadata, uid: 'job-uid', creationTimestamp: at(0), ...changes.metadata },
    spec: { ...job.spec, ...changes.spec } as NonNullable<Job['spec']>,
    status: { startTime: at(0), ...changes.status },
  };
}

export const complete = (seconds: number): object => ({
  conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: at(seconds) }],
  completionTime: at(seconds),
});

export const failed = (seconds: number, reason = 'BackoffLimitExceeded'): object => ({
  conditions: [{ type: 'Failed', status: 'True', reason, message: 'said so', lastTransitionTime: at(seconds) }],
});

export const withIntent = (intent: StoredIntent, spec: RunSpec = testRunSpec()): object => ({
  annotations: { ...jobOf(spec).metadata?.annotations, [ANNOTATIONS.intent]: JSON.stringify(intent) },
});

/** A pod of that Job. */
export function podOf(spec: RunSpec, changes: { spec?: object; status?: object; metadata?: object } = {}): Pod {
  const job = jobOf(spec);
  const template = job.spec?.template;
  return {
    metadata: {
      ...template?.metadata,
      name: 'om-job-test-x1',
      uid: 'pod-uid',
      namespace: 'runs',
      creationTimestamp: at(1),
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'om-job-test', uid: 'job-uid', controller: true }],
      ...changes.metadata,
    },
    spec: { ...template?.spec, ...changes.spec } as NonNullable<Pod['spec']>,
    status: { phase: 'Pending', startTime: at(1), ...changes.status },
  };
}

const main = (state: object): object => ({
  containerStatuses: [{ name: 'main', image: 'i', imageID: '', ready: false, restartCount: 0, state }],
});

export const runs = (seconds = 2): object => ({ phase: 'Running', ...main({ running: { startedAt: at(seconds) } }) });

export const exited = (exitCode: number, seconds: number, more: object = {}): object => ({
  phase: exitCode === 0 ? 'Succeeded' : 'Failed',
  ...main({ terminated: { exitCode, startedAt: at(2), finishedAt: at(seconds), reason: 'Error', ...more } }),
});

/** Deleted at that second, with ten seconds of grace. */
export const deletedAt = (seconds: number): object => ({
  deletionTimestamp: at(seconds + 10),
  deletionGracePeriodSeconds: 10,
});

/** The last state of a pod: the kubelet has let go of it at that second, and written the deletion anew. */
export const goneAt = (seconds: number): object => ({ deletionTimestamp: at(seconds), deletionGracePeriodSeconds: 0 });

/** The Job as its controller shows it when its deadline passed at the first second and its pods were gone at the second. */
export const stoppedJob = (asked: number, gone: number): object => ({
  conditions: [
    { type: 'FailureTarget', status: 'True', reason: 'DeadlineExceeded', lastTransitionTime: at(asked) },
    { type: 'Failed', status: 'True', reason: 'DeadlineExceeded', lastTransitionTime: at(gone) },
  ],
});
