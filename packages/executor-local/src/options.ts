import type { Clock, Logger } from '@runner/core';
import type { ConfigSettings, EnvVariable, RunSpec, SecretsManagerSettings } from '@runner/executor';
import type { NamePattern } from './environment.ts';
import type { SupervisorCommand } from './launch.ts';
import type { ProcessTable } from './process-table.ts';

export interface LocalExecutorOptions {
  /** Where runs are kept; absolute. Created when it is missing, readable by this user only. Two executors on one folder see the same runs. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** The environment of this process, of which programs get what is allowed. Default: empty, so that not even PATH is known. */
  readonly hostEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Names of variables that programs get of it; `AWS_*` allows all that begin so. Default `DEFAULT_ALLOWED`. */
  readonly allowedEnvironment?: readonly NamePattern[];
  /**
   * Program and arguments to run instead of the commands of the ingestion image (`INGESTION_COMMAND`). No shell reads
   * it; the program finds everything in its environment.
   */
  readonly command?: readonly string[] | ((spec: RunSpec) => readonly string[]);
  /** Puts something in front of the command, such as `runner-secrets exec --`. */
  readonly wrap?: (command: readonly string[], spec: RunSpec) => readonly string[];
  /** Where programs start. Default: the folder this process is in when the executor is created. */
  readonly workingDirectory?: string;
  /** Extra variables for every program. */
  readonly extraEnvironment?: readonly EnvVariable[];
  readonly secretsManager?: SecretsManagerSettings;
  readonly config?: Omit<ConfigSettings, 'secretsManager'>;
  /** Milliseconds between asking a program to stop and killing it. Default 10,000. */
  readonly graceMs?: number;
  /** Raw bytes of output kept of a run, besides its end. Default 104,857,600 (100 MiB). */
  readonly maxLogBytes?: number;
  /** Milliseconds that the record of an ended run is kept. Default one week. */
  readonly ttlMs?: number;
  /** Milliseconds between two looks of a watch at the whole folder; changes of known runs are told at once. Default 10,000. */
  readonly relistMs?: number;
  /** How supervisors are started; for bundles, which have no supervisor file. Default: the one of this package. */
  readonly supervisor?: SupervisorCommand;
  /** Milliseconds a supervisor may take to start. Default 30,000. */
  readonly startTimeoutMs?: number;
  readonly observer?: LocalExecutorObserver;
  /** The processes of this host; for tests. */
  readonly processes?: ProcessTable;
}

/** For metrics. Called synchronously, must not throw. */
export interface LocalExecutorObserver {
  /** An operation of the executor was carried out: `submit`, `end`, `observe`, `list`, `discard`. */
  answered?(operation: string, seconds: number, succeeded: boolean): void;
}

export const DAY_MS = 86_400_000;
export const DEFAULTS = {
  graceMs: 10_000,
  maxLogBytes: 104_857_600,
  ttlMs: 7 * DAY_MS,
  relistMs: 10_000,
  startTimeoutMs: 30_000,
} as const;
