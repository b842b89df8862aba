import type { Clock } from '@runner/core';
import type { BridgeObserver, Evidence, RunBook, RunRecord } from './ports.ts';
import { optional } from './record-fields.ts';
import type { ReduceContext } from './reduce-run.ts';
import { reduceRun } from './reduce-run.ts';

export interface RunWriterOptions {
  readonly agentId: string;
  readonly runs: RunBook;
  readonly clock: Clock;
  readonly observer: BridgeObserver;
  readonly adoptedDeadlineSeconds?: number | undefined;
}

/** Writes the rows of one agent, and no others', and tells what changed. */
export class RunWriter {
  readonly #options: RunWriterOptions;

  constructor(options: RunWriterOptions) {
    this.#options = options;
  }

  /** Whether the row is another agent's. */
  isForeign(row: RunRecord | undefined): boolean {
    return row !== undefined && row.agentId !== this.#options.agentId;
  }

  /** Whether this evidence would change the row as it was read a moment ago. */
  wouldChange(row: RunRecord | undefined, evidence: Evidence): boolean {
    return reduceRun(row, evidence, this.#context) !== undefined;
  }

  /** Lets the evidence change the row; gives back the row as it stands afterwards. */
  apply(runId: string, evidence: Evidence): Promise<RunRecord | undefined> {
    return this.#update(runId, (row) => reduceRun(row, evidence, this.#context));
  }

  /** The same for a decision of the control plane. A row that is not there, or another agent's, is left alone. */
  change(
    runId: string,
    decide: (row: RunRecord, now: number) => RunRecord | undefined,
  ): Promise<RunRecord | undefined> {
    return this.#update(runId, (row) =>
      row === undefined || this.isForeign(row) ? undefined : decide(row, this.#options.clock.now()),
    );
  }

  async #update(
    runId: string,
    change: (row: RunRecord | undefined) => RunRecord | undefined,
  ): Promise<RunRecord | undefined> {
    const decided: { next: RunRecord | undefined } = { next: undefined };
    const { before, after } = await this.#options.runs.update(runId, (row) => {
      decided.next = change(row);
      return decided.next;
    });
    if (decided.next !== undefined && after !== undefined) this.#options.observer.runChanged?.(before, after);
    return after;
  }

  get #context(): ReduceContext {
    const { agentId, clock, adoptedDeadlineSeconds } = this.#options;
    return { agentId, now: clock.now(), ...optional('adoptedDeadlineSeconds', adoptedDeadlineSeconds) };
  }
}
