import type { EndIntent, RunKind, WorkloadOwner } from '@runner/executor';
import type { ProcessIdentity } from './process-table.ts';

/**
 * The files of a run's folder. Each is written once and never changed, so two processes that write at the same time
 * cannot leave a mixture: the first one's file stands.
 *
 * This module is shared with the supervisor and imports nothing at runtime.
 */
export const CLAIM_FILE = 'claim.json';
export const PROCESS_FILE = 'process.json';
export const INTENT_FILE = 'intent.json';
export const OUTCOME_FILE = 'outcome.json';
export const LOG_FILE = 'log';

/** Version of the files' form. A folder of another version is left alone. */
export const RECORD_VERSION = 1;

/** What everybody may know of a run: neither config nor environment. */
export interface RunFacts {
  readonly runId: string;
  readonly owner: WorkloadOwner;
  readonly kind: RunKind;
  readonly pipelineType: string;
  readonly workloadName: string;
  readonly deadlineSeconds: number;
  readonly graceMs: number;
  readonly maxLogBytes: number;
}

/** `launch.<nonce>.json`: what a supervisor needs to start the program. Holds the config, so it is removed once read. */
export interface LaunchRecord {
  readonly version: number;
  readonly run: RunFacts;
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** `claim.json`: a supervisor took the run. A folder without it was never accepted. */
export interface ClaimRecord {
  readonly version: number;
  /** Identity of this very workload. */
  readonly nonce: string;
  readonly claimedAt: number;
  readonly supervisor: ProcessIdentity;
  /** Name of the supervisor's socket in the folder; undefined where sockets are not to be had. */
  readonly socket?: string;
  readonly run: RunFacts;
}

/** `process.json`: the program runs. Its process leads a group of its own. */
export interface ProcessRecord {
  readonly version: number;
  readonly program: ProcessIdentity;
  readonly startedAt: number;
}

/** `intent.json`: somebody wants the run ended. */
export interface IntentRecord extends EndIntent {
  readonly version: number;
  readonly requestedAt: number;
}

/** Where the raw output is in the log file. */
export interface LogExtent {
  /** Raw bytes [0, kept) are the first bytes of the file. */
  readonly kept: number;
  /** Raw bytes the program wrote. */
  readonly total: number;
  /** Raw bytes [tail.fromByte, total) stand in the file from position `tail.at` on. */
  readonly tail?: { readonly fromByte: number; readonly at: number };
  /** Error code of the write that failed, such as ENOSPC. */
  readonly failed?: string;
}

/** Why the program was stopped, when it was. */
export type StopCause = 'intent' | 'deadline' | 'host';

/** `outcome.json`: how it ended, as plain facts; what they mean is decided by whoever reads them. */
export interface OutcomeRecord {
  readonly version: number;
  readonly endedAt: number;
  readonly startedAt?: number;
  readonly exitCode?: number;
  readonly signal?: string;
  /** Error code of the start that failed, such as ENOENT. */
  readonly startError?: string;
  /** Set when the supervisor sent the program a signal before it ended. */
  readonly stopped?: StopCause;
  /** The supervisor was gone, so nobody saw the end; what was gone with it. */
  readonly lost?: 'supervisor' | 'host';
  readonly log: LogExtent;
}

/** `startError` when the folder to start the program in is not there; spawn itself would blame the program. */
export const NO_WORKING_DIRECTORY = 'no_working_directory';

/** Words a supervisor says to whoever started it, as the only line of its output. */
export type SupervisorWord =
  /** The run is this supervisor's. */
  | 'claimed'
  /** Another one had it already. */
  | 'taken'
  /** The folder or the launch file is not there. */
  | 'gone'
  /** It could not claim for a reason of the system; the error code follows after a space. */
  | `failed ${string}`;

export function launchFile(nonce: string): string {
  return `launch.${nonce}.json`;
}
