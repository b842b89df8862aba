/** `pulled` comes from the agent, `posted` from the workload itself. */
export type LogSource = 'pulled' | 'posted';

export interface LogPiece {
  /** Raw bytes [rawFrom, rawTo) of the main program that `text` stands for. Without them the text goes behind the last one. */
  readonly rawFrom?: number;
  readonly rawTo?: number;
  readonly text: string;
}

export interface LogState {
  readonly rawTo: number;
  readonly closed: boolean;
  /** Chunks so far, those that were cut included. */
  readonly chunks: number;
}

export interface LogPage {
  /** Undefined = beyond the end. */
  readonly text: string | undefined;
  /** Chunks so far. */
  readonly total: number;
  readonly closed: boolean;
  /** Where the text came from; undefined when there is no log at all. */
  readonly source?: LogSource;
  /** This chunk was cut to keep the log within its limit; `text` is the marker. `next` is the first one after the cut. */
  readonly cut?: { readonly next: number };
}

/**
 * A run's log: text chunks of at most 983,040 bytes of UTF-8 with absolute indexes (decisions.md 17). Only the last chunk
 * grows, and only at its end. Every text is redacted before it is stored. The posted log is shown once it is closed, or
 * when nothing was pulled.
 */
export interface LogStore {
  /**
   * Appends a piece. Text before the stored raw end is dropped (a resume that overlaps), so that appending twice is
   * harmless; a hole before `rawFrom` leaves a visible mark. Returns the new raw end. Rejects with `not_found` when the
   * run does not exist. After `close` nothing is stored any more.
   */
  append(runId: string, source: LogSource, piece: LogPiece): Promise<number>;
  /** No more will come from this source. */
  close(runId: string, source: LogSource): Promise<void>;
  state(runId: string, source: LogSource): Promise<LogState | undefined>;
  /** Chunk `index` of what is shown, or of `source`. */
  read(runId: string, index: number, source?: LogSource): Promise<LogPage>;
  /** Run ids with a log, newest first. */
  runsOf(entityId: string, limit: number): Promise<readonly string[]>;
  /** Deletes logs that were last written before this instant (epoch milliseconds). Returns how many runs lost theirs. */
  expire(before: number): Promise<number>;
}
