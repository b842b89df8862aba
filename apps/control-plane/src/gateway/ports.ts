import type { Bridge, SecretsAnswer } from '@runner/protocol/server';

/** The room that speaks with agents, as the API sees it. */
export interface Gateway {
  readonly bridge: Bridge;
  readonly logs: RunLogs;
  /**
   * Has references read where this runner's workloads run, through whichever replica its agent is connected to. The
   * answer holds no values. Rejects when the signal is aborted, which may be the only end where no agent is connected.
   */
  checkSecrets(agentId: string, references: readonly string[], signal: AbortSignal): Promise<SecretsAnswer>;
  /** Closes this agent's sockets (4410), here and on the other replicas. Resolves when the others were told. */
  disconnectRunner(agentId: string): Promise<void>;
  /** The same for every socket that was opened with this token. */
  disconnectToken(tokenId: string): Promise<void>;
}

/** A place in a stored log: chunk index, and how many characters (UTF-16 units) of that chunk were read already. */
export interface LogPosition {
  readonly index: number;
  readonly offset: number;
}

export interface LogUpdate {
  /** New text; empty only in the last update. */
  readonly text: string;
  /** Where to go on: `follow` from here repeats nothing and leaves nothing out. */
  readonly next: LogPosition;
  /** Chunks so far. */
  readonly total: number;
  /** Nothing more will come; the iteration ends after this update. */
  readonly closed: boolean;
}

/** Reads what is stored, never the agent. */
export interface RunLogs {
  /**
   * Everything from `from` on, then what is added, until the log is closed or the signal is aborted (then it just ends).
   * Text that was cut comes as one marker.
   */
  follow(runId: string, from: LogPosition, signal: AbortSignal): AsyncIterable<LogUpdate>;
}
