import type { Clock } from '@runner/core';
import { abortError } from '@runner/core';
import type {
  EndIntent,
  Executor,
  ListResult,
  Observation,
  RunSpec,
  SubmitResult,
  WorkloadOwner,
} from '@runner/executor';
import { dispatchError } from './errors.ts';
import type { DispatchObserver, ExecutorOperation } from './ports.ts';

/** The executor with a limit of time on every call and a stopwatch for metrics. */
export interface ExecutorCalls {
  submit(spec: RunSpec, signal: AbortSignal): Promise<SubmitResult>;
  end(runId: string, intent: EndIntent, signal: AbortSignal): Promise<Observation>;
  observe(runId: string, signal: AbortSignal): Promise<Observation>;
  list(owner: WorkloadOwner, signal: AbortSignal): Promise<ListResult>;
  discard(runId: string, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when no submit of this run is under way any more, not even one that was given up on: its create may still
   * arrive, and nothing that is read before says anything. Waits at most the time of one call.
   */
  submitSettled(runId: string, signal: AbortSignal): Promise<void>;
}

export function createExecutorCalls(
  executor: Executor,
  options: { readonly clock: Clock; readonly timeoutMs: number; readonly observer: DispatchObserver },
): ExecutorCalls {
  const { clock, timeoutMs, observer } = options;
  const submits = new Map<string, Promise<void>>();

  const call = async <T>(
    operation: ExecutorOperation,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const began = clock.monotonic();
    let ok = false;
    try {
      const result = await within(clock, timeoutMs, signal, operation, work);
      ok = true;
      return result;
    } finally {
      observer.executorCall?.(operation, (clock.monotonic() - began) / 1000, ok);
    }
  };
  const tracked = (runId: string, work: Promise<SubmitResult>): Promise<SubmitResult> => {
    const former = submits.get(runId);
    const settled = Promise.allSettled([work, former]).then(() => {
      if (submits.get(runId) === settled) submits.delete(runId);
    });
    submits.set(runId, settled);
    return work;
  };

  return {
    submit: (spec, signal) => call('submit', signal, (s) => tracked(spec.runId, executor.submit(spec, s))),
    end: (runId, intent, signal) => call('end', signal, (s) => executor.end(runId, intent, s)),
    observe: (runId, signal) => call('observe', signal, (s) => executor.observe(runId, s)),
    list: (owner, signal) => call('list', signal, (s) => executor.list(owner, s)),
    discard: (runId, signal) => call('discard', signal, (s) => executor.discard(runId, s)),
    submitSettled: async (runId, signal) => {
      const submit = submits.get(runId);
      if (submit !== undefined) await within(clock, timeoutMs, signal, 'submit', () => submit).catch(() => undefined);
    },
  };
}

/** Runs `work` with a signal of its own; gives it up when time is over or the caller's signal is aborted. */
export function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal));
      return;
    }
    const giveUp = (error: Error): void => {
      stop();
      controller.abort(error);
      reject(error);
    };
    const onAbort = (): void => giveUp(abortError(signal));
    const timer = clock.setTimer(ms, () =>
      giveUp(dispatchError('executor_timeout', `the executor did not answer ${what} within ${ms / 1000} s`)),
    );
    const stop = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    // The callback may throw before it returns a promise; `async` turns both into a rejection.
    const started = (async () => work(controller.signal))();
    started.then(
      (value) => {
        stop();
        resolve(value);
      },
      (error: unknown) => {
        stop();
        reject(error instanceof Error ? error : dispatchError('executor_failed', 'not an error', { cause: error }));
      },
    );
  });
}
