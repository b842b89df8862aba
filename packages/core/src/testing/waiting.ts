import type { RunnerError } from '../errors.ts';
import { isRunnerError, messageOf } from '../errors.ts';

const POLL_MS = 10;

/** Looks until there is something other than `false` and undefined, in real time; fails with its name after that time. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found as Exclude<T, false | undefined>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The RunnerError that a promise rejects with. Fails when it resolves, or rejects with anything else. */
export async function rejection(promise: Promise<unknown>): Promise<RunnerError> {
  try {
    await promise;
  } catch (error) {
    if (isRunnerError(error)) return error;
    throw new Error(`not a RunnerError: ${messageOf(error)}`, { cause: error });
  }
  throw new Error('the promise resolved, but should have rejected');
}
