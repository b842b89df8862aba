import { isEnded } from '@runner/executor';
import type { Outcome } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/observation.ts';
import type { JobSight } from '../../src/sight.ts';
import {
  NOON,
  at,
  complete,
  deletedAt,
  exited,
  failed,
  goneAt,
  jobOf,
  podOf,
  runs,
  stoppedJob,
  withIntent,
} from '../support/objects.ts';

const spec = testRunSpec();
const cancel = { reason: 'cancelled', at: NOON + 30_000 } as const;

/** The containers of a pod whose program ended with 0. */
const main0 = (seconds: number): object => {
  const { containerStatuses } = exited(0, seconds) as { containerStatuses: unknown };
  return { containerStatuses };
};

function outcome(sight: Omit<JobSight, 'runId'>, logTail?: string): Outcome {
  const seen = judge(
    { runId: spec.runId, ...sight },
    { namespace: 'runs', placementVariable: 'P', now: NOON, ...(logTail === undefined ? {} : { logTail }) },
  );
  if (!isEnded(seen)) throw new Error(`not ended: ${JSON.stringify(seen)}`);
  return seen.outcome;
}

describe('a program that ended by itself', () => {
  it('succeeded with exit code 0', () => {
    const sight = { job: jobOf(spec, { status: complete(60) }), pods: [podOf(spec, { status: exited(0, 59) })] };
    expect(outcome(sight)).toEqual({ result: 'succeeded', exitCode: 0 });
  });

  it('failed with its exit code, and its output says why', () => {
    const sight = { job: jobOf(spec, { status: failed(60) }), pods: [podOf(spec, { status: exited(3, 59) })] };
    expect(outcome(sight)).toMatchObject({ result: 'failed', exitCode: 3, diagnosis: { code: 'exit_code' } });
    const said = outcome(sight, 'FATAL: password authentication failed for user "me"');
    expect(said).toMatchObject({ diagnosis: { code: 'source_refused_login' } });
    expect(said.logTail).toContain('password authentication failed');
  });

  it('keeps its success although its Job was told to end before it noticed', () => {
    const job = jobOf(spec, { metadata: withIntent(cancel, spec), status: failed(32, 'DeadlineExceeded') });
    expect(outcome({ job, pods: [podOf(spec, { status: exited(0, 30) })] }).result).toBe('succeeded');
  });

  it('keeps its own outcome when the pod was deleted afterwards', () => {
    const job = jobOf(spec, { metadata: withIntent(cancel, spec), status: failed(32, 'DeadlineExceeded') });
    const early = podOf(spec, { status: exited(4, 29), metadata: deletedAt(31) });
    expect(outcome({ job, pods: [early] })).toMatchObject({ result: 'failed', exitCode: 4 });
    const same = podOf(spec, { status: exited(0, 31), metadata: deletedAt(31) });
    expect(outcome({ job, pods: [same] }).result).toBe('succeeded');
  });

  it('succeeded when its Job says so and its pod is gone', () => {
    expect(outcome({ job: jobOf(spec, { status: complete(60) }), pods: [] })).toEqual({ result: 'succeeded' });
  });

  it('succeeded although another container kept the pod until its deadline', () => {
    const sidecar = podOf(spec, {
      spec: { activeDeadlineSeconds: 100 },
      status: { ...exited(0, 50), phase: 'Failed', reason: 'DeadlineExceeded' },
    });
    expect(outcome({ job: jobOf(spec, { status: failed(102) }), pods: [sidecar] }).result).toBe('succeeded');
  });
});

describe('a program that ended while another container kept its pod, so that the Job was ended', () => {
  const sidecarEnd = (exitCode: number, reason = 'Error'): object => {
    const end = { exitCode, reason, startedAt: at(2), finishedAt: at(50) };
    return {
      metadata: {
        annotations: { ...jobOf(spec).metadata?.annotations, 'hybrid-ingestion-runner/main-end': JSON.stringify(end) },
      },
      status: stoppedJob(81, 83),
    };
  };

  it('keeps its own outcome when its pod is gone', () => {
    expect(outcome({ job: jobOf(spec, sidecarEnd(0)), pods: [] })).toEqual({ result: 'succeeded', exitCode: 0 });
    const failure = outcome({ job: jobOf(spec, sidecarEnd(3)), pods: [] });
    expect(failure).toMatchObject({ result: 'failed', exitCode: 3, diagnosis: { code: 'exit_code' } });
    expect(outcome({ job: jobOf(spec, sidecarEnd(137, 'OOMKilled')), pods: [] }).diagnosis?.code).toBe('out_of_memory');
  });

  it.each([
    [3, 'exit_code'],
    [137, 'died_by_signal'],
  ])('is told by its own end, not by what ended the pod (exit code %i)', (code, expected) => {
    for (const metadata of [deletedAt(81), goneAt(80)]) {
      const lastPod = podOf(spec, { status: exited(code, 50), metadata });
      expect(outcome({ job: jobOf(spec, sidecarEnd(code)), pods: [], lastPod }).diagnosis?.code).toBe(expected);
    }
  });

  it('keeps it although it was cancelled meanwhile', () => {
    const { metadata, status } = sidecarEnd(0) as { metadata: { annotations: object }; status: object };
    const intent = JSON.stringify({ reason: 'cancelled', at: NOON + 82_000 });
    const annotations = { ...metadata.annotations, 'hybrid-ingestion-runner/intent': intent };
    expect(outcome({ job: jobOf(spec, { metadata: { annotations }, status }), pods: [] }).result).toBe('succeeded');
  });
});

describe('a program that was ended', () => {
  const ended = (reason: 'cancelled' | 'start_deadline' | 'permanent_failure', message?: string) =>
    jobOf(spec, {
      metadata: withIntent({ reason, at: NOON + 30_000, ...(message === undefined ? {} : { message }) }, spec),
      status: failed(42, 'DeadlineExceeded'),
    });

  it('is cancelled, with what is known of its exit', () => {
    expect(outcome({ job: ended('cancelled'), pods: [] })).toEqual({ result: 'cancelled' });
    const killed = podOf(spec, { status: exited(137, 41), metadata: deletedAt(31) });
    const told = { result: 'cancelled', exitCode: 137, signal: 'SIGKILL' };
    expect(outcome({ job: ended('cancelled'), pods: [killed] })).toEqual(told);
    expect(outcome({ job: ended('cancelled'), pods: [], lastPod: killed })).toEqual(told);
  });

  it('is cancelled even when it takes being asked to stop as a success', () => {
    const polite = podOf(spec, { status: exited(0, 33), metadata: deletedAt(31) });
    expect(outcome({ job: ended('cancelled'), pods: [polite] }).result).toBe('cancelled');
  });

  it.each([137, 143, 1])(
    'is cancelled in the last state of its pod, whose deletion is written anew (exit code %i)',
    (code) => {
      const job = jobOf(spec, { metadata: withIntent(cancel, spec), status: stoppedJob(31, 42) });
      const last = podOf(spec, { status: exited(code, 41), metadata: goneAt(42) });
      expect(outcome({ job, pods: [last] })).toMatchObject({ result: 'cancelled', exitCode: code });
      expect(outcome({ job, pods: [], lastPod: last })).toMatchObject({ result: 'cancelled', exitCode: code });
    },
  );

  it.each([1, 2, 0, 137])(
    'is cancelled where nothing announces the deadline of a Job, as before Kubernetes 1.31 (exit code %i)',
    (code) => {
      const job = jobOf(spec, { metadata: withIntent(cancel, spec), status: failed(31, 'DeadlineExceeded') });
      const last = podOf(spec, { status: exited(code, 33), metadata: goneAt(34) });
      expect(outcome({ job, pods: [], lastPod: last }).result).toBe('cancelled');
      // The controller had to write its status twice.
      const late = jobOf(spec, { metadata: withIntent(cancel, spec), status: failed(33, 'DeadlineExceeded') });
      const quick = podOf(spec, { status: exited(code, 32), metadata: goneAt(34) });
      expect(outcome({ job: late, pods: [], lastPod: quick }).result).toBe('cancelled');
    },
  );

  it('is told to have been deleted in the last state of a pod that somebody deleted', () => {
    const last = podOf(spec, { status: exited(137, 41), metadata: goneAt(42) });
    const seen = outcome({ job: jobOf(spec, { status: failed(43) }), pods: [], lastPod: last });
    expect(seen).toMatchObject({ result: 'failed', diagnosis: { code: 'pod_deleted' } });
  });

  it('keeps its own end when its pod was collected long after', () => {
    const last = podOf(spec, { status: exited(137, 41), metadata: goneAt(4_000) });
    const late = jobOf(spec, { metadata: withIntent(cancel, spec), status: failed(43) });
    expect(outcome({ job: late, pods: [], lastPod: last })).toMatchObject({ result: 'failed', exitCode: 137 });
  });

  it('failed, with the reason it was given', () => {
    expect(outcome({ job: ended('permanent_failure', 'No such image.'), pods: [] })).toMatchObject({
      result: 'failed',
      diagnosis: { code: 'permanent_failure', message: 'No such image.', permanent: true },
    });
    expect(outcome({ job: ended('start_deadline'), pods: [] }).diagnosis).toMatchObject({ category: 'deadline' });
  });

  it('is cancelled by an intent that somebody wrote by hand and got wrong', () => {
    for (const text of ['{', '"x"', '{"reason":"no such reason"}']) {
      const job = ended('cancelled');
      const annotations = { ...job.metadata?.annotations, 'hybrid-ingestion-runner/intent': text };
      expect(outcome({ job: { ...job, metadata: { ...job.metadata, annotations } }, pods: [] }).result).toBe(
        'cancelled',
      );
    }
  });
});

describe('what Kubernetes does to a run is told apart', () => {
  const job = jobOf(spec, { status: failed(60) });
  const code = (status: object, metadata: object = {}): unknown =>
    outcome({ job, pods: [podOf(spec, { status, metadata })] }).diagnosis?.code;
  const disrupted = (reason: string): object => ({
    ...exited(137, 40),
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason, lastTransitionTime: at(30) }],
  });

  it.each([
    ['its memory', exited(137, 40, { reason: 'OOMKilled' }), {}, 'out_of_memory'],
    [
      'an eviction',
      { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      {},
      'evicted_for_memory',
    ],
    ['a preemption', disrupted('PreemptionByScheduler'), deletedAt(30), 'preempted'],
    ['a drain', disrupted('EvictionByEvictionAPI'), deletedAt(30), 'evicted_by_request'],
    ['a node that is gone', disrupted('DeletionByPodGC'), deletedAt(30), 'node_lost'],
    ['its deadline', { ...exited(137, 40), reason: 'DeadlineExceeded' }, {}, 'run_deadline'],
    ['somebody who deleted its pod', exited(137, 40), deletedAt(30), 'pod_deleted'],
    [
      'a program that is not there',
      exited(128, 40, { reason: 'StartError', message: 'exec: "python": executable file not found' }),
      {},
      'program_not_found',
    ],
  ])('%s', (_what, status, metadata, expected) => {
    expect(code(status, metadata)).toBe(expected);
  });

  it('its deadline, also when the program exits with 0 upon being asked to stop', () => {
    const polite = podOf(spec, {
      spec: { activeDeadlineSeconds: 30 },
      status: { ...exited(0, 33), phase: 'Failed', reason: 'DeadlineExceeded' },
    });
    expect(outcome({ job, pods: [polite] })).toMatchObject({ result: 'failed', diagnosis: { code: 'run_deadline' } });
  });

  const shutdown = { phase: 'Failed', reason: 'Terminated', message: 'imminent node shutdown' };
  const evictedAt = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };

  it.each([
    ['a preemption', disrupted('PreemptionByScheduler'), goneAt(42), 'preempted'],
    ['a drain', disrupted('EvictionByEvictionAPI'), deletedAt(30), 'evicted_by_request'],
    ['an eviction', { ...disrupted('TerminationByKubelet'), ...evictedAt }, {}, 'evicted_for_memory'],
    ['an eviction without a time', evictedAt, {}, 'evicted_for_memory'],
    ['a node that is shut down', shutdown, {}, 'node_shutdown'],
  ])('%s, also when the program exits with 0 upon being asked to stop', (_what, status, metadata, expected) => {
    expect(code({ ...exited(0, 40), ...status, ...main0(40) }, metadata)).toBe(expected);
  });

  it('from what it did before: a success before the eviction stands, and one that came to nothing', () => {
    const before = { ...disrupted('TerminationByKubelet'), ...evictedAt, ...main0(29) };
    expect(outcome({ job, pods: [podOf(spec, { status: before })] }).result).toBe('succeeded');
    const inVain = { ...disrupted('EvictionByEvictionAPI'), ...main0(40), phase: 'Succeeded' };
    expect(outcome({ job, pods: [podOf(spec, { status: inVain })] }).result).toBe('succeeded');
  });

  it("the Job's own deadline", () => {
    expect(outcome({ job: jobOf(spec, { status: failed(60, 'DeadlineExceeded') }), pods: [] }).diagnosis?.code).toBe(
      'job_deadline',
    );
  });

  it('a pod that is gone without a trace', () => {
    expect(outcome({ job, pods: [] })).toMatchObject({ result: 'failed', diagnosis: { category: 'lost' } });
  });

  it('and what happened to the pod counts more than what its output says', () => {
    const sight = { job, pods: [podOf(spec, { status: exited(137, 40, { reason: 'OOMKilled' }) })] };
    expect(outcome(sight, 'password authentication failed').diagnosis?.code).toBe('out_of_memory');
  });

  it('and a pod that failed by itself is not cancelled by an intent that came later', () => {
    const late = jobOf(spec, { metadata: withIntent(cancel, spec), status: failed(33) });
    const evicted = podOf(spec, { status: { phase: 'Failed', reason: 'Evicted', message: 'disk' } });
    expect(outcome({ job: late, pods: [evicted] })).toMatchObject({ result: 'failed' });
    expect(
      outcome({ job: late, pods: [podOf(spec, { status: runs(), metadata: deletedAt(31) })].slice(1) }).result,
    ).toBe('cancelled');
  });
});
