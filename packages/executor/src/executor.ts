import type { Diagnosis, Observation } from './observation.ts';
import type { Probe, ProbeEnd } from './probe.ts';
import type { RunSpec, WorkloadOwner } from './run-spec.ts';

/** Why a workload is ended before its time. */
export interface EndIntent {
  readonly reason: 'cancelled' | 'start_deadline' | 'permanent_failure';
  /** A sentence for the record. */
  readonly message?: string;
  /** Why the runner ends it: kept with the workload, so that whoever finds its end later can say it. */
  readonly diagnosis?: Diagnosis;
}

export interface SubmitResult {
  /** False when the workload (or its tombstone) stood already: the same run was submitted before. */
  readonly created: boolean;
  readonly observation: Observation;
}

export interface ListResult {
  readonly observations: readonly Observation[];
  /**
   * True for a quorum read that began after the call did. Only a fresh list may prove that a workload is absent.
   */
  readonly fresh: boolean;
}

/** A piece of the raw output of the main program. */
export interface LogChunk {
  /** Offset of the first byte, counted in raw bytes of the main program's output. */
  readonly fromByte: number;
  readonly bytes: Uint8Array;
}

/** Bytes that are gone (rotation, size cap): [fromByte, toByte) cannot be had any more. */
export interface LogGap {
  readonly fromByte: number;
  readonly toByte: number;
  readonly gap: true;
}

export interface LogOptions {
  /** First raw byte wanted. Beyond the end: nothing, or (following) whatever comes later. */
  readonly fromByte: number;
  /** Go on until the workload has ended and everything was delivered. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export interface PreflightFinding {
  readonly level: 'ok' | 'warning' | 'error';
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Where an executor works. Two agents with the same scope see the same workloads. */
export interface ExecutorScope {
  /** Hash that names the place: cluster, namespace and kind, or the folder. */
  readonly id: string;
  /** The same for people: `namespace ingestion of cluster a1b2…`. */
  readonly description: string;
}

/**
 * Turns runs into workloads. Keeps no state of its own: everything it must know after a restart stands on the workload.
 *
 * Errors are RunnerErrors. `retryable: true` means "cannot do it just now" (API down, quota, disk): the run waits.
 * `retryable: false` means "will never do it" (malformed, too large): the run is refused.
 */
export interface Executor {
  /** `local`, `k8s`, `argo`. */
  readonly kind: string;
  scope(signal: AbortSignal): Promise<ExecutorScope>;
  /** Looks at everything it needs and says what is missing, without creating anything. */
  preflight(signal: AbortSignal): Promise<readonly PreflightFinding[]>;
  /**
   * Runs a probe where workloads run, with their identity and settings, and removes it afterwards. Not every executor can.
   * Rejects when it cannot be begun (`executor_unavailable`, `executor_waiting`, `invalid_spec`) or is aborted.
   */
  probe?(probe: Probe, signal: AbortSignal): Promise<ProbeEnd>;
  /**
   * Makes the workload exist. Idempotent by runId: submitting twice never makes two, and a run whose workload has ended
   * is answered with that ended observation. Resolves only when the workload really exists. A workload that turns out to
   * be impossible after a part of it was created is ended and answered as such: an error that is not retryable says that
   * nothing stands.
   */
  submit(spec: RunSpec, signal: AbortSignal): Promise<SubmitResult>;
  /**
   * Asks the workload to stop where it stands; the record stays. Idempotent, the first intent counts. Resolves when the
   * intent is stored, with what is seen then (`ending`, or `ended` when it was over already); the end is verified by
   * later observations. A workload that was over before keeps its own outcome. Of a run without a workload nothing is
   * stored: the answer is `absent`, and a later submit is free to create it (dispatch remembers cancels, executors do not).
   */
  end(runId: string, intent: EndIntent, signal: AbortSignal): Promise<Observation>;
  /**
   * What is seen of one run now, read from the source, not from a cache. When the source cannot be asked the answer is
   * `unknown` with the reason; it rejects only when aborted.
   */
  observe(runId: string, signal: AbortSignal): Promise<Observation>;
  /**
   * All workloads of this owner, ended ones included; one that cannot be judged is `unknown`. Rejects
   * (`executor_unavailable`) rather than leave any out. Old failures may lack their `logTail`: observe them.
   */
  list(owner: WorkloadOwner, signal: AbortSignal): Promise<ListResult>;
  /**
   * Calls `onObservation` for each change of any workload of this owner until the signal is aborted, and for each
   * existing workload once at the beginning. A workload that was seen and is gone is reported `absent` once. Never ends
   * by itself: whatever fails, it re-lists and goes on. Resolves when the signal is aborted or the executor is closed.
   */
  watch(owner: WorkloadOwner, onObservation: (observation: Observation) => void, signal: AbortSignal): Promise<void>;
  /**
   * Epoch milliseconds at which what its watches show was last known to be complete; undefined while nothing is watched.
   * For metrics: an age that grows says that ends of runs are noticed late.
   */
  freshAt?(): number | undefined;
  /**
   * Raw output of the main program. Ends when everything was delivered; `follow` waits for more until the workload has
   * ended. Ends quietly when aborted. Throws `log_unavailable` when there is no such workload, `executor_unavailable`
   * when it cannot be asked.
   */
  logs(runId: string, options: LogOptions): AsyncIterable<LogChunk | LogGap>;
  /** Removes the record of a workload that has ended. Refuses (`still_live`) while it lives. Absent is done. */
  discard(runId: string, signal: AbortSignal): Promise<void>;
  /** Releases sockets and timers; workloads live on. Idempotent. */
  close(): Promise<void>;
}
