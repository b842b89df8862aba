import type { Clock } from '@runner/core';
import { abortError, isRunnerError, messageOf } from '@runner/core';
import type { Observation } from '@runner/executor';
import { executorError } from '@runner/executor';
import { isAborted } from './aborted.ts';

export interface OperationParts {
  readonly clock: Clock;
  /** Aborted when the executor is closed. */
  readonly closed: AbortSignal;
  /** An operation was carried out. */
  readonly answered: ((operation: string, seconds: number, succeeded: boolean) => void) | undefined;
  /** An error in an executor's words. */
  readonly errorOf: (error: unknown) => unknown;
}

/**
 * Carries out an operation of an executor: refused when aborted or closed, ended by either, timed, with errors in an
 * executor's words.
 */
export async function operation<T>(
  { clock, closed, answered, errorOf }: OperationParts,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw abortError(signal);
  if (closed.aborted) throw closedError();
  const begun = clock.monotonic();
  let succeeded = false;
  try {
    const result = await work(AbortSignal.any([signal, closed]));
    succeeded = true;
    return result;
  } catch (error) {
    if (isAborted(signal)) throw abortError(signal);
    throw isAborted(closed) ? closedError() : errorOf(error);
  } finally {
    answered?.(name, (clock.monotonic() - begun) / 1_000, succeeded);
  }
}

/** The operation `observe`: what cannot be asked now is unknown, and no error. Throws `aborted` only. */
export async function observation(
  parts: OperationParts,
  runId: string,
  signal: AbortSignal,
  look: (signal: AbortSignal) => Promise<Observation>,
): Promise<Observation> {
  try {
    return await operation(parts, 'observe', signal, look);
  } catch (error) {
    if (isRunnerError(error, 'aborted')) throw error;
    return { presence: 'unknown', runId, observedAt: parts.clock.now(), reason: messageOf(error) };
  }
}

const closedError = (): Error => executorError('executor_unavailable', 'The executor is closed.');
