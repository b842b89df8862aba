import type { Timer } from '@runner/core';
import type { EndIntent } from '../executor.ts';
import { intendedDiagnosis } from '../intended.ts';
import { logTail } from '../log/tail.ts';
import type { Diagnosis, Outcome, PresentObservation } from '../observation.ts';
import type { RunSpec } from '../run-spec.ts';
import { workloadName } from '../workload/names.ts';

/** One workload of the fake place. */
export interface FakeWorkload {
  readonly spec: RunSpec;
  readonly uid: string;
  phase: PresentObservation['phase'];
  startedAt?: number;
  endedAt?: number;
  outcome?: Outcome;
  intent?: EndIntent;
  diagnosis?: Diagnosis;
  suspended?: boolean;
  output: Buffer;
  /** Raw offset of the first byte of `output`. */
  outputFrom: number;
  readonly timers: Timer[];
}

export const DEADLINE_OUTCOME: Outcome = {
  result: 'failed',
  diagnosis: {
    category: 'deadline',
    code: 'run_deadline',
    message: 'The run took longer than its deadline.',
    permanent: true,
  },
};

/** How a workload ended that was asked to. */
export function endedBy(intent: EndIntent): Outcome {
  if (intent.reason === 'cancelled') return { result: 'cancelled' };
  return { result: 'failed', diagnosis: intendedDiagnosis(intent) };
}

/** How a workload ended whose program failed by itself. */
export function failure(workload: FakeWorkload, outcome: Partial<Omit<Outcome, 'result'>>): Outcome {
  const { exitCode = 1 } = outcome;
  return {
    result: 'failed',
    exitCode,
    diagnosis: {
      category: 'program',
      code: 'exit_code',
      message: `The program ended with exit code ${exitCode}.`,
      permanent: true,
    },
    logTail: logTail(workload.output, { atLineStart: workload.outputFrom === 0 }),
    ...outcome,
  };
}

export function observationOf(workload: FakeWorkload, observedAt: number): PresentObservation {
  const { spec, uid, phase, startedAt, endedAt, outcome, diagnosis, suspended } = workload;
  return {
    presence: 'present',
    runId: spec.runId,
    observedAt,
    workload: { kind: 'fake', name: workloadName(spec), uid },
    phase,
    pipelineType: spec.pipelineType,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(diagnosis === undefined || phase === 'ended' ? {} : { diagnosis }),
    ...(suspended === true && phase === 'pending' ? { suspended } : {}),
  };
}
