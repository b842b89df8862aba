import type { EndIntent } from '@runner/executor';
import { isEnded } from '@runner/executor';
import { ANNOTATIONS, intentText } from '@runner/kube/runs';
import type { StoredIntent } from '@runner/kube/runs';
import { expect, it } from 'vitest';
import { judge } from '../../src/observation.ts';
import type { WorkflowSight } from '../../src/sight.ts';
import { mainEndedAt } from '../../src/sight.ts';
import type { WorkflowNode } from '../../src/workflow/objects.ts';
import { context, recorded, withoutPods } from '../support/recorded.ts';

const cancel: EndIntent = { reason: 'cancelled' };
const deadline: EndIntent = { reason: 'start_deadline', message: 'It did not start in time.' };

type Sight = ReturnType<typeof recorded>;

/** With the intent written on it. */
function intended(sight: Sight, intent: EndIntent, at: number): WorkflowSight {
  const { workflow } = sight;
  const annotations = { ...workflow.metadata?.annotations, [ANNOTATIONS.intent]: intentText(intent, at) };
  return { ...sight, workflow: { ...workflow, metadata: { ...workflow.metadata, annotations } } };
}

function outcome(sight: WorkflowSight, intents?: ReadonlyMap<string, StoredIntent>) {
  const seen = judge(sight, intents === undefined ? context : { ...context, intents });
  if (!isEnded(seen)) throw new Error('it has not ended');
  return seen.outcome;
}

const endOf = (sight: WorkflowSight): number => mainEndedAt(sight) ?? 0;

it.each([
  ['with pods', recorded],
  ['from Argo alone', withoutPods],
])('a run that was stopped for a reason has that for its outcome, %s', (_, read) => {
  const sight = read('stopped');
  expect(outcome(intended(sight, cancel, endOf(sight) - 5_000))).toMatchObject({ result: 'cancelled' });
  expect(outcome(intended(sight, cancel, endOf(sight) - 5_000))).not.toHaveProperty('diagnosis');
  expect(outcome(intended(sight, deadline, endOf(sight) - 5_000))).toMatchObject({
    result: 'failed',
    diagnosis: { code: 'start_deadline', message: 'It did not start in time.' },
  });
});

it('a reason that this process remembers counts where none is written, and only for this very Workflow', () => {
  const sight = recorded('stopped');
  const { uid = '' } = sight.workflow.metadata ?? {};
  const stored = { ...deadline, at: endOf(sight) - 5_000 };
  expect(outcome(sight, new Map([[uid, stored]]))).toMatchObject({
    result: 'failed',
    diagnosis: { code: 'start_deadline' },
  });
  expect(outcome(sight, new Map([['another', stored]]))).toMatchObject({ result: 'cancelled' });
});

it.each([
  ['with pods', recorded],
  ['from Argo alone', withoutPods],
])('a failure that came before the reason keeps its own outcome, %s', (_, read) => {
  const sight = read('failed');
  expect(outcome(intended(sight, cancel, endOf(sight) + 5_000))).toMatchObject({
    result: 'failed',
    exitCode: 3,
    diagnosis: { code: 'exit_code' },
  });
});

/** Its exit step, which went on, was terminated. */
function overdue({ workflow, ...rest }: Sight, main: object = {}): WorkflowSight {
  const { spec, status } = workflow;
  const nodes = Object.entries(status?.nodes ?? {}).map(([id, node]) =>
    node.name?.endsWith('.onExit') === true
      ? [id, { ...node, phase: 'Failed', message: 'workflow shutdown with strategy:  Terminate' }]
      : [id, { ...node, ...main }],
  );
  const ended = { ...status, phase: 'Failed', nodes: Object.fromEntries(nodes) as Record<string, WorkflowNode> };
  return { ...rest, workflow: { ...workflow, spec: { ...spec, shutdown: 'Terminate' }, status: ended } };
}

it.each([
  ['with pods', recorded],
  ['from Argo alone', withoutPods],
])('a run whose exit step was terminated ended as its program did, %s', (_, read) => {
  expect(outcome(overdue(read('failed')))).toMatchObject({ result: 'failed', diagnosis: { code: 'exit_code' } });
  expect(outcome(overdue(read('out-of-memory')))).toMatchObject({
    result: 'failed',
    exitCode: 137,
    diagnosis: { category: 'out_of_memory' },
  });
  expect(outcome(overdue(read('succeeded')))).toMatchObject({ result: 'succeeded', exitCode: 0 });
  expect(outcome(overdue(read('deadline')))).toMatchObject({ result: 'failed', diagnosis: { category: 'deadline' } });
  expect(outcome(overdue(read('stopped')))).toMatchObject({ result: 'cancelled' });
});

it('an eviction is told where the pod is seen, although its exit step was terminated', () => {
  expect(outcome(overdue(recorded('evicted')))).toMatchObject({
    result: 'failed',
    diagnosis: { category: 'evicted' },
  });
});

it('what a stop ended stays stopped when its exit step is terminated as well', () => {
  const killed = { phase: 'Failed', message: 'main: Error (exit code 143)', outputs: { exitCode: '143' } };
  expect(outcome(overdue(withoutPods('failed'), killed))).toMatchObject({
    result: 'cancelled',
    diagnosis: { code: 'workflow_terminated' },
  });
});

it.each([
  ['with pods', recorded],
  ['from Argo alone', withoutPods],
])('a run that somebody stopped and a user cancels afterwards is cancelled, %s', (_, read) => {
  const sight = read('stopped');
  expect(outcome(intended(sight, cancel, endOf(sight) + 5_000))).toMatchObject({ result: 'cancelled' });
  const failed = read('failed');
  expect(outcome(intended(failed, cancel, endOf(failed) + 5_000))).toMatchObject({ result: 'failed', exitCode: 3 });
});

it('within the same second a success is believed, and a failure is what was intended', () => {
  const good = recorded('succeeded');
  expect(outcome(intended(good, cancel, endOf(good) + 400)).result).toBe('succeeded');
  const bad = recorded('failed');
  expect(outcome(intended(bad, cancel, endOf(bad) + 400)).result).toBe('cancelled');
});

it('a program that was stopped and then exits with 0 is cancelled', () => {
  const sight = recorded('succeeded');
  expect(outcome(intended(sight, cancel, endOf(sight) - 3_000))).toMatchObject({ result: 'cancelled', exitCode: 0 });
});

it('what a program says about its own trouble is told, with the end of its output', () => {
  const seen = judge(recorded('failed'), {
    ...context,
    logTail: "ModuleNotFoundError: No module named 'metadata'",
  });
  expect(isEnded(seen) && seen.outcome.logTail).toContain('ModuleNotFoundError');
});

it('a failure whose report failed as well says both', () => {
  const { diagnosis } = outcome(recorded('exit-failed-after-failure'));
  expect(diagnosis?.message).toContain('exit code 3');
  expect(diagnosis?.message).toContain('The exit step, which reports that, failed too (main: Error (exit code 7)).');
});

it('the memory of a pod that nobody sees is not guessed at', () => {
  expect(outcome(withoutPods('out-of-memory')).diagnosis?.message).toMatch(/used too much memory\.$/);
  expect(outcome(recorded('out-of-memory')).diagnosis?.message).toContain('its memory limit is 32Mi');
});

it('a program that the image lacks is named', () => {
  const sight = recorded('failed');
  const node = {
    name: 'failed',
    phase: 'Error',
    message:
      'main: Error (exit code 64): failed to find name in PATH: exec: "python": executable file not found in $PATH',
    outputs: { exitCode: '64' },
  };
  const { workflow } = sight;
  const status = { ...workflow.status, nodes: { failed: node } };
  expect(outcome({ ...sight, pods: [], workflow: { ...workflow, status } })).toMatchObject({
    result: 'failed',
    exitCode: 64,
    diagnosis: { code: 'program_not_found', message: 'The image has no program python.' },
  });
});
