import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../../src/index.ts';
import { diagnoseEnd, signalOfExitCode } from '../../../src/index.ts';
import { CONTEXT } from './recorded.ts';

type Pod = NonNullable<Evidence['pod']>;
type Terminated = { exitCode: number; reason?: string; message?: string; finishedAt?: string };

function ended(terminated: Terminated, more: { metadata?: Pod['metadata']; status?: Pod['status'] } = {}): Evidence {
  const state = { terminated };
  return {
    context: CONTEXT,
    pod: {
      ...(more.metadata === undefined ? {} : { metadata: more.metadata }),
      spec: { containers: [{ name: 'main' }], nodeName: 'n1', terminationGracePeriodSeconds: 10 },
      status: {
        phase: 'Failed',
        containerStatuses: [{ name: 'main', image: 'i', imageID: '', ready: false, restartCount: 0, state }],
        ...more.status,
      },
    },
  };
}
const code = (evidence: Evidence): string | undefined => diagnoseEnd(evidence)?.code;

describe('exit codes', () => {
  it.each([
    [1, 'exit_code'],
    [2, 'exit_code'],
    [126, 'program_not_executable'],
    [127, 'program_not_found'],
    [134, 'died_by_signal'],
    [139, 'died_by_signal'],
    [143, 'died_by_signal'],
    [255, 'exit_code'],
  ])('%i is %s', (exitCode, expected) => {
    expect(code(ended({ exitCode, reason: 'Error' }))).toBe(expected);
  });

  it('0 is no bad end', () => {
    expect(diagnoseEnd(ended({ exitCode: 0, reason: 'Completed' }))).toBeUndefined();
  });

  it('above 128 are signals', () => {
    expect([137, 143, 139, 134, 128, 255, 1].map(signalOfExitCode)).toEqual([
      'SIGKILL',
      'SIGTERM',
      'SIGSEGV',
      'SIGABRT',
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('the deadline of a run', () => {
  const late = (state: object, more: object = {}): Evidence => ({
    context: CONTEXT,
    pod: {
      spec: { containers: [{ name: 'main' }], nodeName: 'n1', activeDeadlineSeconds: 60 },
      status: {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        containerStatuses: [
          { name: 'main', image: 'r.io/x:1', imageID: '', ready: false, restartCount: 0, state, ...more },
        ],
      },
    },
  });
  const unlocated = { exitCode: 137, reason: 'ContainerStatusUnknown' };

  it.each<[string, object]>([
    ['it waits', { waiting: { reason: 'ContainerCreating' } }],
    ['nothing of it was ever made', { terminated: unlocated }],
    ['the same, with the zero time', { terminated: { ...unlocated, startedAt: '1970-01-01T00:00:00Z' } }],
  ])('that passed before the program began is told as that: %s', (_title, state) => {
    const diagnosis = diagnoseEnd(late(state));
    expect(diagnosis).toMatchObject({ category: 'deadline', code: 'begin_deadline', permanent: true });
    expect(diagnosis?.message).toMatch(/did not begin within the deadline of the run of 60 s.*pull of the image/);
  });

  it('names what kept the program from beginning', () => {
    const waiting = { reason: 'ErrImagePull', message: 'dial tcp 10.0.0.1:443: connect: connection refused' };
    const diagnosis = diagnoseEnd(late({ waiting }));
    expect(diagnosis?.message).toContain('cannot reach the registry');
    expect(diagnosis?.hint).toContain('firewall');
  });

  it.each<[string, object, object]>([
    ['by its times', { terminated: { exitCode: 137, reason: 'Error', startedAt: '2026-01-01T00:00:00Z' } }, {}],
    ['by its container, of which the node lost track', { terminated: unlocated }, { containerID: 'containerd://a' }],
    ['as it runs still', { running: { startedAt: '2026-01-01T00:00:00Z' } }, {}],
    ['and began once before', { waiting: {} }, { lastState: { terminated: unlocated } }],
  ])('is the time a program took that had begun: %s', (_title, state, more) => {
    expect(diagnoseEnd(late(state, more))?.code).toBe('run_deadline');
  });
});

describe('an end that came before somebody asked the pod to go', () => {
  const finished = { exitCode: 1, reason: 'Error', finishedAt: '2026-01-01T00:00:00Z' };
  const disruption = (lastTransitionTime: string): Pod['status'] => ({
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', lastTransitionTime }],
  });

  it('keeps its own cause', () => {
    expect(code(ended(finished, { status: disruption('2026-01-01T00:00:05Z') }))).toBe('exit_code');
    expect(
      code(
        ended(finished, { metadata: { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 10 } }),
      ),
    ).toBe('exit_code');
    expect(
      code(ended(finished, { metadata: { deletionTimestamp: '2026-01-01T00:10:00Z', deletionGracePeriodSeconds: 0 } })),
    ).toBe('exit_code');
  });

  it('loses it when it came after', () => {
    expect(code(ended(finished, { status: disruption('2025-12-31T23:59:55Z') }))).toBe('preempted');
    expect(
      code(
        ended(finished, { metadata: { deletionTimestamp: '2026-01-01T00:00:05Z', deletionGracePeriodSeconds: 10 } }),
      ),
    ).toBe('pod_deleted');
  });

  it('keeps it where the time of the request is gone and the program ended with a code of its own', () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:02Z', deletionGracePeriodSeconds: 0 };
    expect(code(ended(finished, { metadata }))).toBe('exit_code');
    expect(code(ended({ ...finished, exitCode: 143 }, { metadata }))).toBe('pod_deleted');
  });
});

describe('what ended a pod', () => {
  it.each([
    [
      'Evicted',
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi.',
      'evicted_for_memory',
    ],
    ['Evicted', 'The node was low on resource: ephemeral-storage.', 'evicted_for_disk'],
    ['Evicted', 'The node had condition: [DiskPressure]. ', 'evicted_for_disk'],
    ['Evicted', 'Container main exceeded its local ephemeral storage limit "1Gi". ', 'evicted_for_disk'],
    ['Evicted', 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ', 'evicted_for_disk'],
    ['Evicted', 'The node was low on resource: pids.', 'evicted'],
    ['Preempting', 'Preempted in order to admit critical pod', 'preempted'],
    ['NodeLost', 'Node n1 which was running pod x is unresponsive', 'node_lost'],
    ['Terminated', 'Pod was terminated in response to imminent node shutdown.', 'node_shutdown'],
    ['UnexpectedAdmissionError', 'Allocate failed due to no devices', 'rejected_by_node'],
    ['OutOfmemory', "Node didn't have enough resource: memory", 'rejected_by_node'],
    ['DeadlineExceeded', 'Pod was active on the node longer than the specified deadline', 'run_deadline'],
  ])('%s: %s', (reason, message, expected) => {
    expect(code(ended({ exitCode: 137, reason: 'Error' }, { status: { reason, message } }))).toBe(expected);
  });

  it.each([
    ['PreemptionByScheduler', 'preempted'],
    ['EvictionByEvictionAPI', 'evicted_by_request'],
    ['DeletionByTaintManager', 'evicted_by_taint'],
    ['DeletionByPodGC', 'node_lost'],
  ])('condition %s', (reason, expected) => {
    const status = { conditions: [{ type: 'DisruptionTarget', status: 'True', reason }] };
    expect(code(ended({ exitCode: 137, reason: 'Error' }, { status }))).toBe(expected);
  });

  it('a taint on a node that does not answer is a lost node: nobody reported the end of the container', () => {
    const evidence = ended({ exitCode: 0 });
    const status = {
      phase: 'Running',
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }],
      containerStatuses: [
        { name: 'main', image: 'i', imageID: '', ready: true, restartCount: 0, state: { running: {} } },
      ],
    };
    expect(diagnoseEnd({ ...evidence, pod: { ...evidence.pod, status } })).toMatchObject({
      category: 'node_lost',
      code: 'node_lost',
    });
  });

  it('OOM counts before the exit code, and says so when there is no limit', () => {
    expect(diagnoseEnd(ended({ exitCode: 1, reason: 'OOMKilled' }))?.message).toContain('memory of the node');
  });

  it('a container that the node lost track of', () => {
    expect(code(ended({ exitCode: 137, reason: 'ContainerStatusUnknown' }))).toBe('container_lost');
  });

  it.each(['StartError', 'ContainerCannotRun'])('%s is explained by its message', (reason) => {
    expect(code(ended({ exitCode: 127, reason, message: 'exec: "python": executable file not found in $PATH' }))).toBe(
      'program_not_found',
    );
  });
});

describe('a Job whose pod is gone', () => {
  const failed = { status: { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] } };
  const event = (reason: string) => ({ metadata: {}, involvedObject: {}, reason });

  it.each([
    ['Preempted', 'preempted'],
    ['TaintManagerEviction', 'evicted_by_taint'],
    ['NodeNotReady', 'node_lost'],
    ['Killing', 'pod_deleted'],
  ])('is explained by the event %s', (reason, expected) => {
    expect(code({ context: CONTEXT, job: failed, events: [event(reason)] })).toBe(expected);
  });

  it('that is being deleted itself was deleted', () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:05Z', deletionGracePeriodSeconds: 10 };
    const evidence = ended({ exitCode: 137, finishedAt: '2026-01-01T00:00:01Z' }, { metadata });
    expect(code({ ...evidence, job: { metadata: { deletionTimestamp: '2025-12-31T23:59:55Z' } } })).toBe('job_deleted');
  });

  it('that has not failed did not end badly', () => {
    expect(diagnoseEnd({ context: CONTEXT, job: {} })).toBeUndefined();
    expect(diagnoseEnd({ context: CONTEXT })).toBeUndefined();
  });
});
