/** Why a job was not taken. */
export interface WorkQueueOptions {
  /** Jobs that may wait. */
  readonly maxJobs: number;
  /** Bytes that waiting jobs may hold on to. */
  readonly maxBytes: number;
  /** A job threw. The queue goes on. */
  readonly failed: (error: unknown) => void;
}

/** Runs jobs one after the other, in order. What waits is bounded. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #jobs: { readonly run: () => Promise<void>; readonly bytes: number }[] = [];
  readonly #waiters: (() => void)[] = [];
  #bytes = 0;
  #busy = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  /** False when too much waits already: the job is not taken. */
  push(run: () => Promise<void>, bytes = 0): boolean {
    if (this.#jobs.length >= this.#options.maxJobs || this.#bytes + bytes > this.#options.maxBytes) return false;
    this.#jobs.push({ run, bytes });
    this.#bytes += bytes;
    if (!this.#busy) void this.#work();
    return true;
  }

  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void> {
    return this.#busy ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      try {
        await job.run();
      } catch (error) {
        this.#options.failed(error);
      }
      this.#bytes -= job.bytes;
    }
    this.#busy = false;
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
