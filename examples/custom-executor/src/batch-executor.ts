import type { Clock } from '@runner/core';
import { abortError, isAbort, isRunnerError, messageOf } from '@runner/core';
import type { Executor, LogChunk, LogOptions, Observation, WorkloadOwner } from '@runner/executor';
import { LOG_TAIL_BYTES, executorError, isEnded, logTail, ownerLabels } from '@runner/executor';
import type { BatchService, Job } from './batch-service.ts';
import { jobName, jobRequest, noteOf, observationOf } from './job.ts';

export interface BatchExecutorOptions {
  readonly service: BatchService;
  readonly clock: Clock;
  /** Milliseconds between two looks of a watch or of a reader of logs. Default 1,000. */
  readonly pollMs?: number;
}

/** Runs ingestion as jobs of a batch service. Keeps nothing itself: all it knows stands on the jobs. */
export function createBatchExecutor(options: BatchExecutorOptions): Executor {
  const { service, clock, pollMs = 1_000 } = options;
  const closing = new AbortController();

  /** What every call has in common: abort, close, and that an outage of the service may be over soon. */
  const ask = async <T>(signal: AbortSignal, question: () => Promise<T>): Promise<T> => {
    if (signal.aborted) throw abortError(signal);
    if (closing.signal.aborted) throw executorError('executor_unavailable', 'The executor is closed.');
    try {
      return await question();
    } catch (cause) {
      if (isRunnerError(cause)) throw cause;
      throw executorError('executor_unavailable', 'The batch service cannot be asked.', { cause });
    }
  };
  const observed = async (job: Job): Promise<Observation> => {
    const hasFailed = job.state === 'done' && job.end?.exitCode !== 0;
    const output = hasFailed ? await service.output(job.name, 0) : new Uint8Array();
    const tail = logTail(output.subarray(-LOG_TAIL_BYTES), { atLineStart: output.length <= LOG_TAIL_BYTES });
    return observationOf(job, clock.now(), tail);
  };
  const look = async (runId: string): Promise<Observation> => {
    const job = await service.get(jobName(runId));
    return job === undefined ? { presence: 'absent', runId, observedAt: clock.now() } : await observed(job);
  };
  const listed = async (owner: WorkloadOwner): Promise<Observation[]> =>
    await Promise.all((await service.list(ownerLabels(owner))).map(observed));

  return {
    kind: 'batch',
    scope: (signal) =>
      ask(signal, () => Promise.resolve({ id: 'batch-service-1', description: 'the batch service of the company' })),
    preflight: (signal) =>
      ask(signal, async () => {
        await service.list({});
        return [{ level: 'ok', code: 'batch_service_reached', message: 'The batch service answers.' }];
      }),
    submit: (spec, signal) =>
      ask(signal, async () => {
        const { created } = await service.put(jobName(spec.runId), jobRequest(spec));
        return { created, observation: await look(spec.runId) };
      }),
    end: (runId, intent, signal) =>
      ask(signal, async () => {
        await service.stop(jobName(runId), noteOf(intent));
        return await look(runId);
      }),
    observe: (runId, signal) =>
      ask(signal, () => look(runId)).catch((error: unknown): Observation => {
        if (isAbort(error)) throw error;
        return { presence: 'unknown', runId, observedAt: clock.now(), reason: messageOf(error) };
      }),
    list: (owner, signal) => ask(signal, async () => ({ observations: await listed(owner), fresh: true })),
    watch: async (owner, onObservation, signal) => {
      const until = AbortSignal.any([signal, closing.signal]);
      const known = new Map<string, string>();
      while (!until.aborted) {
        // An outage is waited out: a watch never ends by itself.
        const now = await listed(owner).catch(() => undefined);
        if (now !== undefined) tellChanges(now, known, onObservation, clock.now());
        await pause(clock, pollMs, until);
      }
    },
    logs: (runId, log) => follow(runId, { ...log, signal: AbortSignal.any([log.signal, closing.signal]) }),
    discard: (runId, signal) =>
      ask(signal, async () => {
        const seen = await look(runId);
        if (seen.presence === 'present' && !isEnded(seen)) {
          throw executorError('still_live', `The job of run ${runId} is not over.`);
        }
        await service.remove(jobName(runId));
      }),
    close: async () => {
      closing.abort();
      await Promise.resolve();
    },
  };

  async function* follow(runId: string, log: LogOptions): AsyncGenerator<LogChunk> {
    let at = log.fromByte;
    while (!log.signal.aborted) {
      // The state first: what was written before the end is then read after it.
      const job = await service.get(jobName(runId));
      if (job === undefined) throw executorError('log_unavailable', `There is no job of run ${runId}.`);
      const bytes = await service.output(job.name, at);
      if (bytes.length > 0) yield { fromByte: at, bytes };
      else if (!log.follow || job.state === 'done') return;
      else await pause(clock, pollMs, log.signal);
      at += bytes.length;
    }
  }
}

function tellChanges(
  now: readonly Observation[],
  known: Map<string, string>,
  onObservation: (observation: Observation) => void,
  observedAt: number,
): void {
  for (const observation of now) {
    const print = JSON.stringify({ ...observation, observedAt: 0 });
    if (known.get(observation.runId) === print) continue;
    known.set(observation.runId, print);
    onObservation(observation);
  }
  const present = new Set(now.map(({ runId }) => runId));
  for (const runId of known.keys()) {
    if (present.has(runId)) continue;
    known.delete(runId);
    onObservation({ presence: 'absent', runId, observedAt });
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!isAbort(error)) throw error;
  });
}
