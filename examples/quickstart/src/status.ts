import { isRunnerError, messageOf } from '@runner/core';

/** OpenMetadata's words for what a run did. */
export interface StepFailure {
  readonly name: string;
  readonly error: string;
}

export interface StepSummary {
  readonly name: string;
  readonly records: number;
  readonly updated_records: number;
  readonly warnings: number;
  readonly errors: number;
  readonly filtered: number;
  readonly failures: readonly StepFailure[];
}

export interface PipelineStatus {
  readonly runId: string;
  readonly pipelineState: 'running' | 'success' | 'partialSuccess' | 'failed';
  readonly startDate: number;
  readonly timestamp: number;
  readonly endDate?: number;
  readonly status?: readonly StepSummary[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Failures that are listed one by one; the rest is in the count. */
const LISTED_FAILURES = 100;

export function step(name: string, records: number, failures: readonly StepFailure[] = []): StepSummary {
  return {
    name,
    records,
    updated_records: 0,
    warnings: 0,
    errors: failures.length,
    filtered: 0,
    failures: failures.slice(0, LISTED_FAILURES),
  };
}

/** An error as a failure of a step: its sentence and what to do about it. */
export function failureOf(name: string, error: unknown): StepFailure {
  const hint = isRunnerError(error) ? error.hint : undefined;
  return { name, error: hint === undefined ? messageOf(error) : `${messageOf(error)} (${hint})` };
}
