import type { Clock } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Circuit } from './circuit.ts';
import { withDeadline } from './deadline.ts';
import { secretError } from './errors.ts';
import type { Gate } from './gate.ts';
import type { BatchAnswer, SecretProvider } from './provider.ts';

/** One call for several ids, made when the first of them asks for its answer. */
export interface Batch {
  /** Undefined when the call gave no usable answer for this id: it is then fetched alone. */
  answerFor(id: string, signal: AbortSignal): Promise<BatchAnswer | undefined>;
}

export interface BatchOptions {
  readonly provider: SecretProvider;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly circuit: Circuit;
  readonly attemptTimeoutMs: number;
  readonly deadlineMs: number;
}

const DEFAULT_LIMIT = 20;
/** After a refusal of the call itself, as without the right to it. */
const PAUSE_MS = 600_000;

/** Splits ids into batches; gives none where the store has no such call, refused it lately, or one id is all. */
export function createBatches(options: BatchOptions): (ids: readonly string[]) => ReadonlyMap<string, Batch> {
  const { provider, clock } = options;
  const { batchLimit = DEFAULT_LIMIT } = provider;
  const fetchMany = provider.fetchMany?.bind(provider);
  let pausedUntil = 0;
  const call = async (ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, BatchAnswer>> => {
    if (fetchMany === undefined) return new Map();
    try {
      return await oneCall((inner) => fetchMany(ids, { signal: inner }), signal, options);
    } catch (error) {
      // Each secret then speaks for itself; what was wrong with all of them it will say as well.
      if (!(isRunnerError(error) && error.retryable)) pausedUntil = clock.monotonic() + PAUSE_MS;
      return new Map();
    }
  };
  return (ids) => {
    const batches = new Map<string, Batch>();
    if (fetchMany === undefined || clock.monotonic() < pausedUntil) return batches;
    for (let start = 0; start < ids.length; start += batchLimit) {
      const chunk = ids.slice(start, start + batchLimit);
      if (chunk.length < 2) continue;
      const batch = createBatch((signal) => call(chunk, signal));
      for (const id of chunk) batches.set(id, batch);
    }
    return batches;
  };
}

async function oneCall<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  { provider, clock, gate, circuit, attemptTimeoutMs, deadlineMs }: BatchOptions,
): Promise<T> {
  const leave = await gate.enter(signal);
  try {
    const late = (): Error =>
      secretError('secret_timed_out', `${provider.describe().location} did not answer for several secrets`);
    const attempt = (outer: AbortSignal): Promise<T> =>
      withDeadline(operation, { clock, ms: attemptTimeoutMs, signal: outer, late });
    // The wait for an open circuit counts as well.
    return await withDeadline((outer) => circuit.run(outer, () => attempt(outer)), {
      clock,
      ms: deadlineMs,
      signal,
      late,
    });
  } finally {
    leave();
  }
}

function createBatch(call: (signal: AbortSignal) => Promise<ReadonlyMap<string, BatchAnswer>>): Batch {
  const controller = new AbortController();
  let made: Promise<ReadonlyMap<string, BatchAnswer>> | undefined;
  let waiting = 0;
  return {
    answerFor: async (id, signal) => {
      const leave = (): void => {
        waiting -= 1;
        if (waiting === 0) controller.abort();
      };
      waiting += 1;
      signal.addEventListener('abort', leave, { once: true });
      try {
        return (await (made ??= call(controller.signal))).get(id);
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
  };
}
