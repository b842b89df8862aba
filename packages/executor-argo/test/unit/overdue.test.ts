import { silentLogger } from '@runner/core';
import type { TestClock } from '@runner/core/testing';
import { testClock } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { Overdue } from '../../src/overdue.ts';
import type { ArgoParts } from '../../src/parts.ts';
import type { WorkflowSight } from '../../src/sight.ts';
import { exitNodeOf, mainEndedAt } from '../../src/sight.ts';
import { recorded } from '../support/recorded.ts';

const EXIT_DEADLINE_MS = 120_000;
/** For a controller that notices late that the step has ended. */
const SLACK_MS = 10_000;

/** What it terminates of what it sees, on a clock that starts when the main program has ended. */
function overdue(sight: WorkflowSight): {
  readonly clock: TestClock;
  readonly terminated: string[];
  readonly stop: () => void;
} {
  const clock = testClock(mainEndedAt(sight) ?? 0);
  const terminated: string[] = [];
  const shutdown = (_: string, name: string, how: string): Promise<object> => {
    terminated.push(`${how} ${name}`);
    return Promise.resolve({});
  };
  const parts = {
    ...{ argo: { shutdown }, namespace: 'runs', clock, logger: silentLogger },
    ...{ exitDeadlineMs: EXIT_DEADLINE_MS, intents: new Map() },
  } as unknown as ArgoParts;
  const watcher = new Overdue(parts, new AbortController().signal);
  watcher.see(sight);
  return { clock, terminated, stop: () => watcher.stop() };
}

/** The same Workflow as a controller that is late, or away, shows it: the pod has ended, and nobody has noticed. */
function unnoticed(sight: ReturnType<typeof recorded>): WorkflowSight {
  const { workflow } = sight;
  const { name = '' } = workflow.metadata ?? {};
  const nodes = { [name]: { name, phase: 'Running', templateName: 'openmetadata-ingestion' } };
  return { ...sight, workflow: { ...workflow, status: { ...workflow.status, phase: 'Running', nodes } } };
}

it('an exit step has its whole time from when it began, however late that was', async () => {
  const sight = recorded('exit-running');
  const late = Date.parse(exitNodeOf(sight.workflow)?.startedAt ?? '') - (mainEndedAt(sight) ?? 0);
  expect(late).toBeGreaterThan(0);
  const { clock, terminated } = overdue(sight);
  await clock.advance(EXIT_DEADLINE_MS + SLACK_MS + late - 1);
  expect(terminated).toEqual([]);
  await clock.advance(1);
  expect(terminated).toEqual(['Terminate exit-running']);
});

it('a Workflow whose end no controller has noticed keeps its exit step, however long that takes', async () => {
  const { clock, terminated } = overdue(unnoticed(recorded('exit-running')));
  await clock.advance(24 * 3_600_000);
  expect(terminated).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

it('nothing is terminated by who has stopped watching', async () => {
  const { clock, terminated, stop } = overdue(recorded('exit-running'));
  stop();
  await clock.advance(24 * 3_600_000);
  expect(terminated).toEqual([]);
});
