import { until } from '@runner/core/testing';
import { expect } from 'vitest';
import type { Executor, LogOptions, LogChunk, LogGap } from '../../executor.ts';
import type { Observation, Outcome, PresentObservation } from '../../observation.ts';
import { isEnded } from '../../observation.ts';
import type { RunSpec } from '../../run-spec.ts';

/** An executor under test, and power over its workloads. Programs run until they are told otherwise. */
export interface ExecutorSubject extends AsyncDisposable {
  readonly executor: Executor;
  /** Whether lists of the place prove what is not in them. Default true. */
  readonly listsAreFresh?: boolean;
  /** Another executor on the same place, as after a restart of the agent. The subject closes it. */
  another(): Promise<Executor>;
  /** The program writes these bytes to its output; resolves when they are written. */
  print(runId: string, bytes: Uint8Array): Promise<void>;
  /** The program ends with exit code 0. */
  succeed(runId: string): Promise<void>;
  /** The program ends with this exit code. */
  fail(runId: string, exitCode: number): Promise<void>;
  /** How often a program was started for this run. */
  executions(runId: string): Promise<number>;
  /** From now on the program ignores being asked to stop. Left out where no program can. */
  resist?(runId: string): Promise<void>;
  /** Nothing can be asked of the place until the function it gives is called. Left out where that cannot be arranged. */
  outage?(): Promise<() => Promise<void>>;
  /** Somebody else removes the workload's record. Left out where nobody can. */
  remove?(runId: string): Promise<void>;
}

/** Makes a new subject on a place of its own; the suite disposes it. */
export type MakeSubject = () => Promise<ExecutorSubject>;

export interface ContractContext {
  readonly make: MakeSubject;
  readonly timeoutMs: number;
}

/** A signal that nobody aborts. */
export const calm: AbortSignal = new AbortController().signal;

export type EndedObservation = PresentObservation & { readonly outcome: Outcome };

function isRunning(observation: Observation): observation is PresentObservation {
  return observation.presence === 'present' && observation.phase === 'running';
}

export async function untilRunning(executor: Executor, runId: string, timeoutMs: number): Promise<PresentObservation> {
  return await until(
    'the workload runs',
    async () => {
      const seen = await executor.observe(runId, calm);
      return isRunning(seen) ? seen : undefined;
    },
    timeoutMs,
  );
}

export async function untilEnded(executor: Executor, runId: string, timeoutMs: number): Promise<EndedObservation> {
  return await until(
    'the workload has ended',
    async () => {
      const seen = await executor.observe(runId, calm);
      return isEnded(seen) ? seen : undefined;
    },
    timeoutMs,
  );
}

/** Expects that nothing is there of the run: at once, or after a while where lists may be old. */
export async function expectAbsent(subject: ExecutorSubject, runId: string, timeoutMs: number): Promise<void> {
  const { executor, listsAreFresh = true } = subject;
  if (listsAreFresh) {
    expect(await executor.observe(runId, calm)).toMatchObject({ presence: 'absent', runId });
    return;
  }
  await until(
    'it is known that nothing is there',
    async () => (await executor.observe(runId, calm)).presence === 'absent',
    timeoutMs,
  );
}

/** Submits a new run and waits until its program runs. */
export async function running(subject: ExecutorSubject, spec: RunSpec, timeoutMs: number): Promise<PresentObservation> {
  await subject.executor.submit(spec, calm);
  const seen = await untilRunning(subject.executor, spec.runId, timeoutMs);
  await until(
    'the program has started',
    async () => ((await subject.executions(spec.runId)) > 0 ? true : undefined),
    timeoutMs,
  );
  return seen;
}

/** Uid of a workload that must be there. */
export function uidOf(observation: Observation): string {
  expect(observation.presence).toBe('present');
  return observation.presence === 'present' ? observation.workload.uid : '';
}

/** Everything that a log gives; gaps become their length in `gaps`. */
export async function readLog(
  executor: Executor,
  runId: string,
  options: Partial<LogOptions> = {},
): Promise<{ readonly bytes: Buffer; readonly gaps: number }> {
  const pieces: (LogChunk | LogGap)[] = [];
  for await (const piece of executor.logs(runId, { fromByte: 0, follow: false, signal: calm, ...options })) {
    pieces.push(piece);
  }
  let at = options.fromByte ?? 0;
  for (const piece of pieces) {
    expect(piece.fromByte).toBe(at);
    at = 'gap' in piece ? piece.toByte : piece.fromByte + piece.bytes.length;
  }
  return {
    bytes: Buffer.concat(pieces.map((piece) => ('gap' in piece ? new Uint8Array() : piece.bytes))),
    gaps: pieces.reduce((sum, piece) => sum + ('gap' in piece ? piece.toByte - piece.fromByte : 0), 0),
  };
}

/** The code of the RunnerError that a call rejects with. */
export async function rejection(
  call: Promise<unknown>,
): Promise<{ readonly code: unknown; readonly retryable: unknown }> {
  try {
    await call;
  } catch (error) {
    const { code, retryable } = error as { code?: unknown; retryable?: unknown };
    return { code, retryable };
  }
  return { code: 'none: the call succeeded', retryable: undefined };
}
