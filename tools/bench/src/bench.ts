import type { Clock } from '@runner/core';
import type { Figure } from './figure.ts';

export interface BenchContext {
  /** Small counts. */
  readonly quick: boolean;
  readonly clock: Clock;
  /** Aborted by Ctrl-C: everything that was started is ended. */
  readonly signal: AbortSignal;
  /** A line of progress. */
  readonly say: (text: string) => void;
  /** What the reader must know to judge the figures; printed below them. */
  readonly note: (text: string) => void;
}

export interface Bench {
  readonly name: string;
  readonly title: string;
  readonly run: (context: BenchContext) => Promise<readonly Figure[]>;
}
