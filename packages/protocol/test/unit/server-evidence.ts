import type { RunRecord, WorkloadStatus } from '@runner/protocol/server';
import type { Evidence } from '@runner/protocol/server';
import { abandon, recordByExitStep, recordByMain, reduceRun, requestCancel } from '@runner/protocol/server';
import fc from 'fast-check';

/** Rows, evidence and whatever else happens to a row, as values a property can draw. */

export const RUN = '6a1c1c2e-0d5c-4f0e-9d3e-0c1f7f6f0001';
export const AGENT = 'agent-1';
export const NOW = Date.UTC(2026, 0, 1);

export const queued = (over: Partial<RunRecord> = {}): RunRecord => ({
  runId: RUN,
  agentId: AGENT,
  state: 'queued',
  want: 'run',
  offered: false,
  accepted: false,
  writtenBy: 'controlPlane',
  priority: 0,
  pipelineType: 'metadata',
  queuedAt: NOW - 1_000,
  deadlineSeconds: 7_200,
  ...over,
});

export const workload = (uid = 'uid-1') => ({ kind: 'Job', name: 'run-6a1c', uid });

type Observed = Extract<Evidence, { kind: 'observed' }>;
type Result = 'succeeded' | 'failed' | 'cancelled';

export const live = (phase: 'pending' | 'running' | 'ending', scopeId = 'here'): Observed => ({
  kind: 'observed',
  scopeId,
  observation: {
    presence: 'present',
    runId: RUN,
    observedAt: NOW,
    workload: workload(),
    phase,
    pipelineType: 'metadata',
    ...(phase === 'pending' ? {} : { startedAt: NOW - 500 }),
  },
});

export const ended = (result: Result, scopeId = 'here'): Observed => ({
  kind: 'observed',
  scopeId,
  observation: {
    presence: 'present',
    runId: RUN,
    observedAt: NOW,
    workload: workload(),
    phase: 'ended',
    pipelineType: 'metadata',
    startedAt: NOW - 500,
    endedAt: NOW - 10,
    outcome: { result, exitCode: result === 'succeeded' ? 0 : 1 },
  },
});

export const absent = (scopeId = 'here', levelAccepted?: boolean): Observed => ({
  kind: 'observed',
  scopeId,
  observation: { presence: 'absent', runId: RUN, observedAt: NOW },
  ...(levelAccepted === undefined ? {} : { levelAccepted }),
});

export const unknown = (): Observed => ({
  kind: 'observed',
  scopeId: 'here',
  observation: { presence: 'unknown', runId: RUN, observedAt: NOW, reason: 'the list was cached' },
});

export const accepted = (of: Observed = live('pending')): Evidence => ({
  kind: 'accepted',
  created: true,
  observation: of.observation,
  scopeId: of.scopeId,
});

export const refused: Evidence = { kind: 'refused', code: 'policy_denied', message: 'not allowed here' };
export const waiting: Evidence = { kind: 'waiting', code: 'quota', message: 'no room just now' };
export const cancelledFrame: Evidence = { kind: 'cancelled', scopeId: 'here' };
export const ending: Evidence = { kind: 'ending', reason: 'start_deadline' };

/** One thing that happens to a row. */
export interface Happening {
  readonly name: string;
  readonly apply: (row: RunRecord, now: number) => RunRecord | undefined;
}

export const said = (name: string, evidence: Evidence): Happening => ({
  name,
  apply: (row, now) => reduceRun(row, evidence, { now, agentId: AGENT }),
});

const main = (state: WorkloadStatus['state']): Happening => ({
  name: `main ${state}`,
  apply: (row, now) => recordByMain(row, { state }, now),
});
const exitStep = (state: 'succeeded' | 'failed'): Happening => ({
  name: `exit step ${state}`,
  apply: (row, now) => recordByExitStep(row, { state }, now),
});

export const results: readonly Result[] = ['succeeded', 'failed', 'cancelled'];

const fromAgent: readonly Happening[] = [
  ...(['pending', 'running', 'ending'] as const).flatMap((phase) => [
    said(`live ${phase}`, live(phase)),
    said(`accepted ${phase}`, accepted(live(phase))),
    said(`live ${phase} elsewhere`, live(phase, 'elsewhere')),
  ]),
  ...results.flatMap((result) => [
    said(`ended ${result}`, ended(result)),
    said(`accepted ended ${result}`, accepted(ended(result))),
  ]),
  said('accepted unknown', accepted(unknown())),
  said('absent', absent()),
  said('absent at level time unaccepted', absent('here', false)),
  said('absent elsewhere', absent('elsewhere')),
  said('unknown', unknown()),
  said('refused', refused),
  said('waiting', waiting),
  said('cancelled', cancelledFrame),
  said('ending', ending),
];

const fromOthers: readonly Happening[] = [
  main('running'),
  main('succeeded'),
  main('partiallySucceeded'),
  main('failed'),
  exitStep('succeeded'),
  exitStep('failed'),
  { name: 'cancel', apply: requestCancel },
  { name: 'abandon', apply: abandon },
];

export const happenings = fc.array(fc.constantFrom(...fromAgent, ...fromOthers), { maxLength: 14 });
export const anyHappening = fc.constantFrom(...fromAgent, ...fromOthers);

/** Starts from a fresh row, never or once offered, and lets everything happen to it in order, a second apart. */
export function play(list: readonly Happening[], row = queued(), from = NOW): RunRecord {
  return list.reduce((current, happening, at) => happening.apply(current, from + at * 1_000) ?? current, row);
}
