import { readdirSync } from 'node:fs';
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import type { Observation } from '@runner/executor';
import type { Pod } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { keepWorkflow } from '../../src/kept.ts';
import { judge } from '../../src/observation.ts';
import type { WorkflowSight } from '../../src/sight.ts';
import type { Workflow, WorkflowStatus } from '../../src/workflow/objects.ts';
import { context, recorded, withoutPods } from '../support/recorded.ts';

/** What a state is: phase and why it waits, or phase, result, exit code and why. */
type Expected = readonly [phase: string, result?: string | undefined, exitCode?: number | undefined, code?: string];

const waits = (code: string): Expected => ['pending', undefined, undefined, code];

/** Where pods can be seen; and where that makes a difference, what Argo alone tells. */
const STATES: Readonly<Record<string, readonly [Expected, Expected?]>> = {
  untouched: [waits('controller_not_running')],
  'mutex-wait': [waits('lock_wait')],
  'semaphore-wait': [waits('lock_wait')],
  parallelism: [waits('parallelism_limit')],
  quota: [waits('quota_too_small')],
  pending: [waits('no_matching_node'), ['pending']],
  unschedulable: [waits('no_matching_node')],
  'deadline-pending': [waits('untolerated_taint')],
  'image-not-found': [waits('registry_unreachable')],
  // The node only says that the pod is being initialized.
  'executor-image-missing': [waits('executor_image_missing'), ['pending']],
  running: [['running']],
  'exit-running': [['ending']],
  'exit-running-after-failure': [['ending']],
  stopping: [['ending']],
  'stopped-pending': [['ending']],
  succeeded: [['ended', 'succeeded', 0]],
  'no-exit-step': [['ended', 'succeeded', 0]],
  'exit-failed-after-success': [['ended', 'succeeded', 0, 'exit_step_failed']],
  'results-forbidden': [['ended', 'succeeded', 0, 'workflowtaskresults_forbidden']],
  failed: [['ended', 'failed', 3, 'exit_code']],
  'exit-failed-after-failure': [['ended', 'failed', 3, 'exit_code']],
  'out-of-memory': [['ended', 'failed', 137, 'out_of_memory']],
  evicted: [
    ['ended', 'failed', 137, 'evicted_for_disk'],
    ['ended', 'failed', 137, 'pod_deleted'],
  ],
  'pod-deleted': [['ended', 'failed', undefined, 'pod_deleted']],
  deadline: [['ended', 'failed', 143, 'run_deadline']],
  'workflow-deadline': [
    ['ended', 'failed', 143, 'workflow_deadline'],
    ['ended', 'failed', undefined, 'workflow_deadline'],
  ],
  'account-missing': [['ended', 'failed', undefined, 'service_account_missing']],
  stopped: [
    ['ended', 'cancelled', 143, 'workflow_stopped'],
    ['ended', 'cancelled', undefined, 'workflow_stopped'],
  ],
  terminated: [['ended', 'cancelled', 143, 'workflow_terminated']],
  'terminated-pending': [['ended', 'cancelled', undefined, 'workflow_terminated']],
};

function inShort(seen: Observation): readonly unknown[] {
  if (seen.presence !== 'present') return [seen.presence];
  const { phase, outcome, diagnosis } = seen;
  return [phase, outcome?.result, outcome?.exitCode, (outcome?.diagnosis ?? diagnosis)?.code];
}

const padded = ([phase, result, exitCode, code]: Expected): readonly unknown[] => [phase, result, exitCode, code];

describe('a real Workflow', () => {
  for (const [state, [seen, alone = seen]] of Object.entries(STATES)) {
    it(`that is ${state} is told so, with its pods and from Argo alone`, () => {
      expect(inShort(judge(recorded(state), context))).toEqual(padded(seen));
      expect(inShort(judge(withoutPods(state), context))).toEqual(padded(alone));
    });
  }

  it('of every recorded state is judged here', () => {
    const files = readdirSync(new URL('../recordings/workflows/', import.meta.url));
    expect(Object.keys(STATES).toSorted()).toEqual(files.map((file) => file.replace('.json', '')).toSorted());
  });
});

const aTime: unknown = expect.any(Number);

/** Without what the controller says of its nodes. */
function withoutNodes({ status = {}, ...workflow }: Workflow): Workflow {
  const rest = { ...status } as { nodes?: unknown };
  delete rest.nodes;
  return { ...workflow, status: rest as WorkflowStatus };
}

describe('times', () => {
  it('are those of the main program while the exit step runs, and do not change when that is over', () => {
    const during = judge(recorded('exit-running'), context);
    expect(during).toMatchObject({ phase: 'ending', startedAt: aTime, endedAt: aTime });
    const after = judge(recorded('succeeded'), context);
    expect(after).toMatchObject({ phase: 'ended', startedAt: aTime, endedAt: aTime });
  });

  it('has no beginning what never began', () => {
    for (const state of ['terminated-pending', 'account-missing', 'stopped-pending']) {
      expect(judge(recorded(state), context)).not.toHaveProperty('startedAt');
    }
  });
});

describe('what an Argo that is older, newer or set up differently shows', () => {
  const changed = (state: string, status: object, labels: object = {}): WorkflowSight => {
    const { workflow, ...rest } = recorded(state);
    const metadata = { ...workflow.metadata, labels: { ...workflow.metadata?.labels, ...labels } };
    return { ...rest, workflow: keepWorkflow({ ...workflow, metadata, status: { ...workflow.status, ...status } }) };
  };

  it('node statuses that are compressed are read', () => {
    const { nodes } = recorded('failed').workflow.status ?? {};
    const compressedNodes = gzipSync(Buffer.from(JSON.stringify(nodes))).toString('base64');
    const bare = withoutNodes(recorded('failed').workflow);
    const sight = {
      ...withoutPods('failed'),
      workflow: keepWorkflow({ ...bare, status: { ...bare.status, compressedNodes } }),
    };
    expect(inShort(judge(sight, context))).toEqual(['ended', 'failed', 3, 'exit_code']);
  });

  it.each(['not base64 at all', '', Buffer.from('no gzip').toString('base64')])(
    'node statuses that cannot be read (%j) leave phase and pod to tell',
    (compressedNodes) => {
      const { workflow, ...rest } = recorded('failed');
      const known = withoutNodes(workflow);
      const bare = keepWorkflow({ ...known, status: { ...known.status, compressedNodes } });
      expect(inShort(judge({ ...rest, workflow: bare }, context))).toEqual(['ended', 'failed', 3, 'exit_code']);
      const alone = judge({ ...rest, workflow: bare, pods: [] }, context);
      expect(inShort(alone)).toEqual(['ended', 'failed', undefined, 'workflow_failed']);
    },
  );

  it('a phase that nobody knows is over when the label says so, and goes on when it does not', () => {
    expect(inShort(judge(changed('running', { phase: 'Hibernating' }), context))[0]).toBe('running');
    expect(inShort(judge(changed('succeeded', { phase: 'Splendid' }), context))).toEqual([
      'ended',
      'succeeded',
      0,
      undefined,
    ]);
  });

  it('is not ended while a pod of it lives, whatever its phase', () => {
    const sight = { ...recorded('succeeded'), pods: recorded('stopping').pods };
    expect(inShort(judge(sight, context))[0]).toBe('ending');
  });

  it('a pod that is shown later than its Workflow takes nothing back', () => {
    const sight = recorded('exit-running-after-failure');
    const late = sight.pods.map((pod): Pod => {
      const [status] = pod.status?.containerStatuses ?? [];
      if (status?.state?.terminated?.exitCode !== 3) return pod;
      const running = { ...status, state: { running: { startedAt: '2026-11-21T17:44:00Z' } } };
      return { ...pod, status: { ...pod.status, phase: 'Running', containerStatuses: [running] } };
    });
    expect(late).not.toEqual(sight.pods);
    expect(inShort(judge({ ...sight, pods: late }, context))[0]).toBe('ending');
  });

  it('a Workflow that somebody suspended is held back', () => {
    const { workflow, ...rest } = recorded('untouched');
    const held = { ...rest, workflow: { ...workflow, spec: { ...workflow.spec, suspend: true } } };
    expect(judge(held, context)).toMatchObject({
      phase: 'pending',
      suspended: true,
      diagnosis: { code: 'workflow_suspended' },
    });
  });

  it('nothing is said against a Workflow that is too young to have been touched', () => {
    const { workflow } = recorded('untouched');
    const now = Date.parse(workflow.metadata?.creationTimestamp ?? '') + 14_999;
    expect(judge(recorded('untouched'), { ...context, now })).not.toHaveProperty('diagnosis');
  });

  it('without Workflow and pods a run is absent, and one whose absence is not proven is unknown', () => {
    const nothing = { runId: 'r', pods: [] };
    expect(judge(nothing, context).presence).toBe('absent');
    expect(judge({ ...nothing, unprovenMs: 1 }, context).presence).toBe('unknown');
    expect(judge({ runId: 'r', pods: recorded('succeeded').pods }, context).presence).toBe('absent');
    expect(judge({ runId: 'r', pods: recorded('running').pods }, context)).toMatchObject({
      phase: 'running',
      workload: { kind: 'Workflow', name: 'running' },
    });
  });
});
