/**
 * What this example needs of a batch service: the kind of thing that a company has already (a queue of its own, Nomad,
 * Slurm, a cloud's batch API). A real one is reached over HTTP; `memory-batch-service.ts` stands in for it.
 */
export interface BatchService {
  /** Creates a job unless one of this name exists. The name makes it idempotent: the service itself refuses a second one. */
  put(name: string, job: JobRequest): Promise<{ readonly created: boolean }>;
  get(name: string): Promise<Job | undefined>;
  /** Jobs that carry all of these labels. */
  list(labels: Readonly<Record<string, string>>): Promise<readonly Job[]>;
  /** Asks a job to stop; the first note is kept. Jobs that are over are left alone. */
  stop(name: string, note: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Output from this byte on, as far as there is any now. */
  output(name: string, fromByte: number): Promise<Uint8Array>;
}

export interface JobRequest {
  readonly command: readonly string[];
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

export interface Job {
  readonly name: string;
  /** Differs for a job that was removed and created again. */
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'waiting' | 'running' | 'stopping' | 'done';
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** How it ended: `timeout`, `stopped`, or by itself with an exit code. */
  readonly end?: { readonly how: 'exited' | 'stopped' | 'timeout'; readonly exitCode?: number };
  readonly note?: string;
}
