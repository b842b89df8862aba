import fc from 'fast-check';
import type { RunRecord } from '@runner/protocol/server';
import { recordByExitStep, recordByMain, reduceRun } from '@runner/protocol/server';
import { describe, expect, test } from 'vitest';
import {
  OWN_STEP,
  endedStatus,
  queuedStatus,
  statusByExitStep,
  statusByMain,
  workloadStatusOf,
} from '../../src/openmetadata/pipeline-status.ts';
import type { IncomingStatus, StatusWrite } from '../../src/openmetadata/pipeline-status.ts';
import { INCOMING_STATES, isTerminalPipelineState, pipelineStateOf, taskKeyOf } from '../../src/openmetadata/states.ts';
import type { JsonObject, StatusRow } from '../../src/store/ports.ts';
import { newRun } from '../support/run-fixtures.ts';

const NOW = Date.UTC(2026, 0, 2);
const runId = '0d1b7c1e-0000-4000-8000-000000000001';
const record = (part: Partial<RunRecord> = {}): RunRecord => newRun({ record: { runId, ...part } }).record;
const failed = (part: Partial<RunRecord> = {}): RunRecord =>
  record({ state: 'failed', writtenBy: 'runner', endedAt: NOW - 5, startedAt: NOW - 100, ...part });
const row = (status: JsonObject, writtenBy: StatusRow['writtenBy'] = 'main'): StatusRow => ({
  pipelineFqn: 'a.b',
  runId,
  status: { runId, ...status },
  writtenBy,
  updatedAt: 1,
});
const incoming = (pipelineState: IncomingStatus['pipelineState'], more: object = {}): IncomingStatus => ({
  runId,
  pipelineState,
  ...more,
});
const stepNames = (write: StatusWrite | undefined): unknown[] =>
  ((write?.status['status'] ?? []) as JsonObject[]).map(({ name }) => name);

describe('the ending of a run', () => {
  test('completes what the workload left as running, and keeps its start, its steps and what it added', () => {
    const before = row({
      pipelineState: 'running',
      startDate: 10,
      timestamp: 11,
      config: { a: 1 },
      status: [{ name: 'Postgres', records: 3 }],
    });
    const diagnosis = {
      category: 'out_of_memory',
      code: 'out_of_memory',
      message: 'It used too much memory.',
      hint: 'Raise the limit.',
      permanent: true,
    };
    const outcome = { result: 'failed', exitCode: 137, logTail: 'last words\npassword=hunter22' } as const;
    const write = endedStatus(before, failed({ diagnosis, outcome }), NOW);
    expect(write).toEqual({
      writtenBy: 'runner',
      status: {
        runId,
        pipelineState: 'failed',
        startDate: 10,
        timestamp: 11,
        endDate: NOW - 5,
        config: { a: 1 },
        status: [
          { name: 'Postgres', records: 3 },
          {
            name: OWN_STEP,
            records: 0,
            updated_records: 0,
            warnings: 0,
            errors: 1,
            filtered: 0,
            failures: [
              {
                name: 'out_of_memory',
                error: 'It used too much memory. Raise the limit.',
                stackTrace: 'last words\npassword=[redacted]',
              },
            ],
          },
        ],
      },
    });
  });

  test('is written where nothing stands at all', () => {
    expect(endedStatus(undefined, failed(), NOW)?.status).toMatchObject({
      pipelineState: 'failed',
      startDate: NOW - 100,
      endDate: NOW - 5,
    });
    const good = record({ state: 'succeeded', writtenBy: 'runner', endedAt: NOW });
    expect(endedStatus(undefined, good, NOW)?.status).toMatchObject({ pipelineState: 'success', status: [] });
  });

  test('leaves alone what the workload ended itself, whatever the runner saw', () => {
    for (const state of ['success', 'partialSuccess', 'failed', 'stopped']) {
      expect(endedStatus(row({ pipelineState: state }), failed(), NOW)).toBeUndefined();
    }
  });

  test('leaves alone what the exit step said, except when the run was cancelled', () => {
    const said = row({ pipelineState: 'success' }, 'exitStep');
    expect(endedStatus(said, failed(), NOW)).toBeUndefined();
    const cancelled = record({ state: 'cancelled', want: 'cancel', writtenBy: 'runner', endedAt: NOW });
    expect(endedStatus(said, cancelled, NOW)?.status['pipelineState']).toBe('failed');
  });

  test('adds to a failure that the exit step told why it was one, once', () => {
    const step = { name: 'Pod Diagnostics', errors: 1 };
    const said = row({ pipelineState: 'failed', status: [step] }, 'exitStep');
    const diagnosis = {
      category: 'out_of_memory',
      code: 'out_of_memory',
      message: 'It took too much.',
      permanent: true,
    };
    const known = failed({ writtenBy: 'exitStep', diagnosis });
    const write = endedStatus(said, known, NOW);
    expect(write).toMatchObject({ writtenBy: 'exitStep', status: { pipelineState: 'failed' } });
    expect(stepNames(write)).toEqual(['Pod Diagnostics', 'Runner Diagnostics']);
    expect(JSON.stringify(write)).toContain('It took too much.');
    expect(endedStatus(row(write?.status ?? {}, 'exitStep'), known, NOW)).toBeUndefined();
    const bare = record({ state: 'failed', writtenBy: 'exitStep', endedAt: NOW });
    expect(endedStatus(said, bare, NOW)).toBeUndefined();
    expect(endedStatus(row({ pipelineState: 'success' }, 'exitStep'), known, NOW)).toBeUndefined();
  });

  test('is not written while the run is open', () => {
    expect(endedStatus(row({ pipelineState: 'running' }), record({ state: 'running' }), NOW)).toBeUndefined();
  });

  test('that we wrote is corrected by what was found out later, and otherwise written once', () => {
    const lost = failed({ state: 'lost', reason: 'lost' });
    const first = endedStatus(undefined, lost, NOW);
    const standing = row(first?.status ?? {}, 'runner');
    expect(endedStatus(standing, lost, NOW + 1)).toBeUndefined();
    const found = record({ state: 'succeeded', writtenBy: 'runner', endedAt: NOW });
    const corrected = endedStatus(standing, found, NOW + 2);
    expect(corrected?.status).toMatchObject({ pipelineState: 'success' });
    expect(stepNames(corrected)).toEqual([]);
  });

  test.each([
    [{ state: 'cancelled', want: 'cancel' }, 'cancelled'],
    [
      {
        state: 'cancelled',
        diagnosis: { category: 'unknown', code: 'x', message: 'Stopped by other means.', permanent: true },
      },
      'other means',
    ],
    [{ state: 'refused', reason: 'policy_refused' }, 'refused'],
    [{ state: 'failed', outcome: { result: 'failed', signal: 'SIGKILL' } }, 'SIGKILL'],
    [{ state: 'failed', outcome: { result: 'failed', exitCode: 3 } }, 'exit code 3'],
    [{ state: 'failed' }, 'without saying why'],
  ] as const)('says in words how it ended: %j', (part, text) => {
    const write = endedStatus(undefined, failed(part), NOW);
    expect(write?.status['pipelineState']).toBe('failed');
    expect(JSON.stringify(write?.status['status'])).toContain(text);
  });
});

describe('a status from the main program', () => {
  test('replaces what stands, and keeps the start where it says none', () => {
    const queued = row(queuedStatus(record()).status, 'controlPlane');
    const write = statusByMain(queued, incoming('running', { metadata: { x: 1 } }), record(), NOW);
    expect(write).toMatchObject({ writtenBy: 'main', status: { pipelineState: 'running', metadata: { x: 1 } } });
    expect(write?.status['startDate']).toBe(record().queuedAt);
  });

  test('is final with its first terminal state; only pod diagnostics are added to it', () => {
    const success = row({ pipelineState: 'success', status: [{ name: 'Postgres' }] });
    expect(statusByMain(success, incoming('running'), failed(), NOW)).toBeUndefined();
    expect(statusByMain(success, incoming('failed'), failed(), NOW)).toBeUndefined();
    const merged = statusByMain(
      success,
      incoming('failed', { status: [{ name: 'Pod Diagnostics' }, { name: 'other' }] }),
      failed(),
      NOW,
    );
    expect(merged?.status['pipelineState']).toBe('success');
    expect(stepNames(merged)).toEqual(['Postgres', 'Pod Diagnostics']);
    const completed = statusByMain(success, incoming('success', { endDate: 9 }), failed(), NOW);
    expect(completed?.status).toMatchObject({ endDate: 9 });
  });

  test('beats an ending that somebody else wrote', () => {
    const ours = row({ pipelineState: 'failed' }, 'runner');
    expect(statusByMain(ours, incoming('success'), failed(), NOW)?.status).toMatchObject({ pipelineState: 'success' });
  });

  test('that says running takes an ending back only when nobody saw the workload end', () => {
    const ours = row({ pipelineState: 'failed' }, 'controlPlane');
    const abandoned = failed({ writtenBy: 'controlPlane', reason: 'abandoned' });
    expect(statusByMain(ours, incoming('running'), abandoned, NOW)?.status).toMatchObject({ pipelineState: 'running' });
    const seen = failed({ outcome: { result: 'failed', exitCode: 1 } });
    expect(statusByMain(ours, incoming('running'), seen, NOW)).toBeUndefined();
  });
});

describe('a status from the exit step', () => {
  test('counts where main left none', () => {
    const running = row({ pipelineState: 'running', startDate: 5 });
    const write = statusByExitStep(running, incoming('failed', { startDate: 5 }), record({ state: 'running' }), NOW);
    expect(write).toMatchObject({ writtenBy: 'exitStep', status: { pipelineState: 'failed', startDate: 5 } });
    expect(statusByExitStep(running, incoming('running'), record(), NOW)).toBeUndefined();
  });

  test('leaves main’s state and adds its diagnostics', () => {
    const success = row({ pipelineState: 'success', status: [{ name: 'Postgres' }] });
    const said = incoming('failed', { status: [{ name: 'Pod Diagnostics', errors: 1 }] });
    const write = statusByExitStep(success, said, record({ state: 'running' }), NOW);
    expect(write).toMatchObject({ writtenBy: 'main', status: { pipelineState: 'success' } });
    expect(stepNames(write)).toEqual(['Postgres', 'Pod Diagnostics']);
  });

  test('is final with its first state, and never says how much of the work was done', () => {
    const said = row({ pipelineState: 'failed' }, 'exitStep');
    expect(statusByExitStep(said, incoming('success'), record(), NOW)).toBeUndefined();
    expect(statusByExitStep(said, incoming('failed', { endDate: 4 }), record(), NOW)?.status).toMatchObject({
      endDate: 4,
    });
    expect(statusByExitStep(undefined, incoming('partialSuccess'), record(), NOW)).toBeUndefined();
  });

  test('does not make a success of a run that was cancelled', () => {
    const running = row({ pipelineState: 'running' });
    const cancelling = record({ state: 'cancelling', want: 'cancel' });
    expect(statusByExitStep(running, incoming('success'), cancelling, NOW)).toBeUndefined();
    expect(statusByExitStep(undefined, incoming('success'), cancelling, NOW)).toBeUndefined();
  });
});

describe('states', () => {
  test('towards OpenMetadata are only ever the five that every version knows', () => {
    const states = ['queued', 'accepted', 'pending', 'running', 'cancelling', 'succeeded'] as const;
    expect(states.map((state) => pipelineStateOf(record({ state })))).toEqual([
      'queued',
      'queued',
      'queued',
      'running',
      'queued',
      'success',
    ]);
    expect(pipelineStateOf(record({ state: 'cancelling', startedAt: 1 }))).toBe('running');
    const ended = ['partiallySucceeded', 'failed', 'cancelled', 'refused', 'lost'] as const;
    expect(ended.map((state) => pipelineStateOf(record({ state })))).toEqual([
      'partialSuccess',
      'failed',
      'failed',
      'failed',
      'failed',
    ]);
  });

  test('have the task key that OpenMetadata’s UI looks for', () => {
    expect(taskKeyOf('metadata')).toBe('ingestion_task');
    expect(taskKeyOf('TestSuite')).toBe('test_suite_task');
    expect(taskKeyOf('policyAgent')).toBe('ingestion_task');
    expect(taskKeyOf('constructor')).toBe('ingestion_task');
  });
});

/** Everything that can be said of one run, by anybody and in any order. */
type Voice =
  | { readonly by: 'main' | 'exitStep'; readonly state: IncomingStatus['pipelineState'] }
  | { readonly by: 'runner'; readonly ended: boolean; readonly exitCode: number }
  | { readonly by: 'settle' };

const voices: fc.Arbitrary<Voice[]> = fc.array(
  fc.oneof(
    fc.record({
      by: fc.constantFrom('main' as const, 'exitStep' as const),
      state: fc.constantFrom(...INCOMING_STATES),
    }),
    fc.record({ by: fc.constant('runner' as const), ended: fc.boolean(), exitCode: fc.constantFrom(0, 1) }),
    fc.constant({ by: 'settle' as const }),
  ),
  { maxLength: 14 },
);

function play(said: readonly Voice[]): { status: StatusRow | undefined; run: RunRecord; seen: StatusRow[] } {
  let status: StatusRow | undefined;
  let run = record({ offered: true, accepted: true, state: 'accepted', scopeId: 's', agentId: 'runner-a' });
  const seen: StatusRow[] = [];
  for (const voice of [...said, { by: 'settle' as const }]) {
    let write: StatusWrite | undefined;
    if (voice.by === 'settle') write = endedStatus(status, run, NOW);
    else if (voice.by === 'runner') {
      const observation = {
        presence: 'present',
        runId,
        observedAt: NOW,
        workload: { kind: 'process', name: 'w', uid: 'u' },
        pipelineType: 'metadata',
        ...(voice.ended
          ? {
              phase: 'ended',
              outcome: { result: voice.exitCode === 0 ? 'succeeded' : 'failed', exitCode: voice.exitCode },
            }
          : { phase: 'running' }),
      } as const;
      run =
        reduceRun(run, { kind: 'observed', observation, scopeId: 's' } as never, { now: NOW, agentId: 'runner-a' }) ??
        run;
    } else {
      const put = voice.by === 'main' ? statusByMain : statusByExitStep;
      write = put(status, incoming(voice.state), run, NOW);
      const word = workloadStatusOf(incoming(voice.state), voice.by);
      if (word !== undefined) run = (voice.by === 'main' ? recordByMain : recordByExitStep)(run, word, NOW) ?? run;
    }
    if (write !== undefined) {
      status = { pipelineFqn: 'a.b', runId, updatedAt: NOW, ...write };
      seen.push(status);
    }
  }
  return { status, run, seen };
}

describe('status and run, whoever speaks in whatever order', () => {
  const terminalOf = (said: readonly Voice[], by: string): string | undefined =>
    said.flatMap((voice) =>
      'state' in voice && voice.by === by && isTerminalPipelineState(voice.state) ? [voice.state] : [],
    )[0];

  test('main’s first terminal state is what stands in the end', () => {
    fc.assert(
      fc.property(voices, (said) => {
        const first = terminalOf(said, 'main');
        fc.pre(first !== undefined);
        expect(play(said).status?.status['pipelineState']).toBe(first);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the status of a run that has ended has ended too, and agrees with the run', () => {
    fc.assert(
      fc.property(voices, (said) => {
        const { status, run } = play(said);
        if (!['succeeded', 'partiallySucceeded', 'failed'].includes(run.state)) return;
        expect(isTerminalPipelineState(status?.status['pipelineState'])).toBe(true);
        const shown = status?.status['pipelineState'] === 'stopped' ? 'failed' : status?.status['pipelineState'];
        expect(shown).toBe(pipelineStateOf(run));
      }),
      { numRuns: 2_000 },
    );
  });

  test('settling twice changes nothing', () => {
    fc.assert(
      fc.property(voices, (said) => {
        const once = play(said);
        const twice = play([...said, { by: 'settle' }]);
        expect(twice.status).toEqual(once.status);
      }),
      { numRuns: 500 },
    );
  });

  test('an ending that main wrote is never rewritten by anybody else', () => {
    fc.assert(
      fc.property(voices, (said) => {
        const { seen } = play(said);
        const final = seen.findIndex(
          (row) => row.writtenBy === 'main' && isTerminalPipelineState(row.status['pipelineState']),
        );
        if (final === -1) return;
        for (const later of seen.slice(final)) {
          expect(later.writtenBy).toBe('main');
          expect(later.status['pipelineState']).toBe(seen[final]?.status['pipelineState']);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
