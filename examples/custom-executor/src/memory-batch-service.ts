import type { Clock, Timer } from '@runner/core';
import type { BatchService, Job } from './batch-service.ts';

/** A batch service in memory, and what its jobs do: they run until they are told to end. */
export interface MemoryBatchService extends BatchService {
  print(name: string, bytes: Uint8Array): void;
  exit(name: string, exitCode: number): void;
  /** The job ignores being stopped for this long. */
  resist(name: string, ms: number): void;
  /** While true, every call fails. */
  away: boolean;
  /** How often a job of this name was started. */
  starts(name: string): number;
}

interface Stored {
  job: Job;
  output: Buffer;
  resistMs: number;
  timer: Timer;
}

export function memoryBatchService(clock: Clock): MemoryBatchService {
  const jobs = new Map<string, Stored>();
  const starts = new Map<string, number>();
  let ids = 0;

  const finish = (name: string, end: NonNullable<Job['end']>): void => {
    const stored = jobs.get(name);
    if (stored === undefined || stored.job.state === 'done') return;
    stored.timer.cancel();
    stored.job = { ...stored.job, state: 'done', endedAt: clock.now(), end };
  };

  const answer = async (): Promise<void> => {
    await Promise.resolve();
    if (service.away) throw new Error('connect ECONNREFUSED');
  };

  const service: MemoryBatchService = {
    away: false,
    put: async (name, request) => {
      await answer();
      if (jobs.has(name)) return { created: false };
      ids += 1;
      const timer = clock.setTimer(request.timeoutSeconds * 1_000, () => finish(name, { how: 'timeout' }));
      const { labels } = request;
      const job: Job = { name, id: `job-${ids}`, labels, state: 'running', startedAt: clock.now() };
      jobs.set(name, { job, output: Buffer.alloc(0), resistMs: 0, timer });
      starts.set(name, (starts.get(name) ?? 0) + 1);
      return { created: true };
    },
    get: async (name) => {
      await answer();
      return jobs.get(name)?.job;
    },
    list: async (labels) => {
      await answer();
      const wanted = Object.entries(labels);
      const all = [...jobs.values()].map(({ job }) => job);
      return all.filter((job) => wanted.every(([key, value]) => job.labels[key] === value));
    },
    stop: async (name, note) => {
      await answer();
      const stored = jobs.get(name);
      if (stored === undefined || stored.job.state === 'done' || stored.job.note !== undefined) return;
      stored.job = { ...stored.job, state: 'stopping', note };
      stored.timer.cancel();
      stored.timer = clock.setTimer(stored.resistMs, () => finish(name, { how: 'stopped' }));
    },
    remove: async (name) => {
      await answer();
      jobs.get(name)?.timer.cancel();
      jobs.delete(name);
    },
    output: async (name, fromByte) => {
      await answer();
      return jobs.get(name)?.output.subarray(fromByte) ?? new Uint8Array();
    },
    print: (name, bytes) => {
      const stored = jobs.get(name);
      if (stored !== undefined) stored.output = Buffer.concat([stored.output, bytes]);
    },
    exit: (name, exitCode) => finish(name, { how: 'exited', exitCode }),
    resist: (name, ms) => {
      const stored = jobs.get(name);
      if (stored !== undefined) stored.resistMs = ms;
    },
    starts: (name) => starts.get(name) ?? 0,
  };
  return service;
}
