import type { Observation } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/observation.ts';
import type { JobSight } from '../../src/sight.ts';
import { NOON, complete, deletedAt, exited, failed, jobOf, podOf, runs, withIntent } from '../support/objects.ts';

const spec = testRunSpec({ pipelineType: 'TestSuite' });
const intent = { reason: 'cancelled', at: NOON + 30_000 } as const;

function see(sight: Omit<JobSight, 'runId'>): Observation {
  return judge({ runId: spec.runId, ...sight }, { namespace: 'runs', placementVariable: 'P', now: NOON + 1 });
}
const phase = (sight: Omit<JobSight, 'runId'>): unknown => {
  const seen = see(sight);
  return seen.presence === 'present' ? seen.phase : seen.presence;
};

describe('a Job is', () => {
  it('pending without a pod, and until its program has begun', () => {
    expect(see({ job: jobOf(spec), pods: [] })).toEqual({
      presence: 'present',
      runId: spec.runId,
      observedAt: NOON + 1,
      workload: { kind: 'Job', name: 'om-job-test', uid: 'job-uid' },
      pipelineType: 'TestSuite',
      phase: 'pending',
    });
    expect(phase({ job: jobOf(spec), pods: [podOf(spec)] })).toBe('pending');
  });

  it('running once its program has begun, and until the Job has counted its end', () => {
    const seen = see({ job: jobOf(spec), pods: [podOf(spec, { status: runs(2) })] });
    expect(seen).toMatchObject({ phase: 'running', startedAt: NOON + 2_000 });
    expect(phase({ job: jobOf(spec), pods: [podOf(spec, { status: exited(1, 5) })] })).toBe('running');
  });

  it('ended when it says so and none of its pods is left running', () => {
    const pods = [podOf(spec, { status: exited(0, 5) })];
    expect(see({ job: jobOf(spec, { status: complete(6) }), pods })).toMatchObject({
      phase: 'ended',
      startedAt: NOON + 2_000,
      endedAt: NOON + 5_000,
    });
    const alive = [podOf(spec, { status: runs(), metadata: deletedAt(4) })];
    expect(phase({ job: jobOf(spec, { status: failed(6) }), pods: alive })).toBe('ending');
  });

  it('not taken back when its pod ends or is gone before the Job has counted that', () => {
    const leaving = podOf(spec, { status: runs(), metadata: deletedAt(4) });
    const over = podOf(spec, { status: exited(143, 5), metadata: deletedAt(4) });
    expect([
      phase({ job: jobOf(spec), pods: [leaving] }),
      phase({ job: jobOf(spec), pods: [over] }),
      phase({ job: jobOf(spec), pods: [], lastPod: over }),
    ]).toEqual(['ending', 'ending', 'ending']);
    expect(phase({ job: jobOf(spec), pods: [], lastPod: podOf(spec, { status: exited(1, 5) }) })).toBe('running');
  });

  it('pending again when it was held back and resumed, and for a pod of another Job', () => {
    const over = podOf(spec, { status: exited(143, 5), metadata: deletedAt(4) });
    const resumed = jobOf(spec, { status: { startTime: '2026-01-01T12:01:00Z' } });
    expect(phase({ job: resumed, pods: [], lastPod: over })).toBe('pending');
    const another = jobOf(spec, { metadata: { uid: 'another' } });
    expect(phase({ job: another, pods: [], lastPod: over })).toBe('pending');
  });

  it('ending from the intent on, whatever its pods do', () => {
    const job = jobOf(spec, { metadata: withIntent(intent, spec) });
    expect(phase({ job, pods: [] })).toBe('ending');
    expect(phase({ job, pods: [podOf(spec, { status: runs() })] })).toBe('ending');
    expect(phase({ job, pods: [podOf(spec, { status: exited(0, 5) })] })).toBe('ending');
  });

  it('ending while it is deleted by hand, with its outcome where it had one', () => {
    const leaving = { deletionTimestamp: '2026-01-01T12:00:05Z' };
    const pods = [podOf(spec, { status: runs(), metadata: deletedAt(5) })];
    expect(phase({ job: jobOf(spec, { metadata: leaving }), pods })).toBe('ending');
    expect(phase({ job: jobOf(spec, { metadata: leaving, status: complete(3) }), pods: [] })).toBe('ended');
  });

  it('not ended before a pod of an earlier Job of the same run is gone', () => {
    const other = podOf(spec, {
      status: runs(),
      metadata: {
        uid: 'other',
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'om-job-test', uid: 'old' }],
      },
    });
    const own = podOf(spec, { status: exited(0, 5) });
    expect(phase({ job: jobOf(spec, { status: complete(6) }), pods: [own, other] })).toBe('running');
  });
});

describe('a suspended Job', () => {
  const suspended = { suspend: true };

  it('is pending and says that it is held back', () => {
    expect(see({ job: jobOf(spec, { spec: suspended }), pods: [] })).toMatchObject({
      phase: 'pending',
      suspended: true,
      diagnosis: { category: 'suspended', permanent: false },
    });
  });

  it('is ended and cancelled once it can start no pod and none is left', () => {
    const metadata = withIntent(intent, spec);
    expect(phase({ job: jobOf(spec, { metadata, spec: suspended }), pods: [] })).toBe('ending');
    const shelved = jobOf(spec, { metadata, spec: { suspend: true, parallelism: 0 } });
    expect(see({ job: shelved, pods: [] })).toMatchObject({
      phase: 'ended',
      outcome: { result: 'cancelled' },
      endedAt: intent.at,
    });
    expect(phase({ job: shelved, pods: [podOf(spec, { status: runs(), metadata: deletedAt(3) })] })).toBe('ending');
  });
});

describe('without a Job', () => {
  it('a run is absent, also while the rest of its pods is collected', () => {
    expect(phase({ pods: [] })).toBe('absent');
    expect(phase({ pods: [podOf(spec, { status: exited(0, 5) })] })).toBe('absent');
  });

  it('a pod that still goes is the run', () => {
    expect(see({ pods: [podOf(spec, { status: runs(), metadata: deletedAt(5) })] })).toMatchObject({
      phase: 'ending',
      pipelineType: 'TestSuite',
      workload: { kind: 'Job', uid: 'job-uid' },
    });
  });

  it('a pod that somebody kept is the run to its end', () => {
    const kept = { ownerReferences: [] };
    expect(see({ pods: [podOf(spec, { status: runs(), metadata: kept })] })).toMatchObject({
      phase: 'running',
      workload: { kind: 'Pod', uid: 'pod-uid' },
    });
    expect(see({ pods: [podOf(spec, { status: exited(0, 5), metadata: kept })] })).toMatchObject({
      phase: 'ended',
      outcome: { result: 'succeeded' },
    });
  });
});

it('says that it cannot judge a Job that does not say what it is', () => {
  const job = jobOf(spec, { metadata: { labels: {}, annotations: {} } });
  expect(see({ job, pods: [] })).toMatchObject({ presence: 'unknown' });
});
