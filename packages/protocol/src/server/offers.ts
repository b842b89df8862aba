import type { Clock, Logger } from '@runner/core';
import { toRunnerError } from '@runner/core';
import type { RunStart, WireDiagnosis } from '../messages.ts';
import type { Connection } from './connection.ts';
import { START_UNAVAILABLE, unsendable } from './diagnoses.ts';
import type { RunBook, RunRecord } from './ports.ts';
import { startOrder } from './queue-order.ts';
import { needsStart } from './run-states.ts';
import type { RunWriter } from './run-writer.ts';
import { failByControlPlane, markOffered } from './run-writes.ts';

export interface OffersOptions {
  readonly connection: Connection;
  readonly runs: RunBook;
  readonly writer: RunWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this session may still start anything. */
  readonly holds: () => boolean;
}

/** A run that waits for something other than a slot is not tried more often than this, however often slots change. */
const TRY_AGAIN_MS = 10_000;

/**
 * The starts of one active session: within the credit the agent advertised, most urgent first. A run that was offered
 * before gets its start again only after the agent said, answering a level, what it sees of it.
 */
export class Offers {
  readonly #options: OffersOptions;
  readonly #again = new Set<string>();
  readonly #sent = new Set<string>();
  /** Runs whose workload this session has shown: their start takes no slot. */
  readonly #standing = new Set<string>();
  readonly #waiting = new Map<string, number>();
  #backlog = false;
  #open = false;

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  /** The agent has answered the first level: from now on starts may be sent. True the first time. */
  open(): boolean {
    const first = !this.#open;
    this.#open = true;
    return first;
  }

  /** Whether runs are left that only lacked credit, or may be offered again. */
  get hasWork(): boolean {
    return this.#backlog || this.#again.size > 0;
  }

  /** Whether something could be sent now. */
  get canSend(): boolean {
    const { connection } = this.#options;
    return connection.takesStarts && (connection.startsLeft() > 0 || this.#standing.size > 0);
  }

  /** The agent was asked about this run in a level and has not accepted it: it may have its start again. */
  again(runId: string): void {
    this.#again.add(runId);
  }

  /** Its workload stands. Unless a start of this session has just made it, it needs one to be accepted. */
  seen(runId: string): void {
    this.#standing.add(runId);
    if (!this.#sent.has(runId)) this.#again.add(runId);
  }

  /** The agent cannot run it just now. */
  waits(runId: string): void {
    this.#waiting.set(runId, this.#options.clock.monotonic());
  }

  /** The agent's slots changed, and with them perhaps what a run waited for. */
  slotsChanged(): void {
    const now = this.#options.clock.monotonic();
    for (const [runId, since] of this.#waiting) {
      if (now - since < TRY_AGAIN_MS) continue;
      this.#waiting.delete(runId);
      this.#again.add(runId);
    }
  }

  /** Sends what may be sent of these rows, which were read just now. */
  async send(rows: readonly RunRecord[]): Promise<void> {
    const { clock, holds } = this.#options;
    this.#forget(rows);
    if (!this.#open) return;
    this.#backlog = false;
    const ready = startOrder(rows, clock.now()).filter((row) => !row.offered || this.#again.has(row.runId));
    for (const row of ready) {
      if (!holds()) return;
      if (this.#hasRoom(row.runId, row.pipelineType)) await this.#offer(row);
      else this.#backlog = true;
    }
  }

  #hasRoom(runId: string, pipelineType: string): boolean {
    const { connection } = this.#options;
    if (this.#standing.has(runId)) return connection.takesStarts;
    return connection.startsLeft(pipelineType) > 0;
  }

  async #offer(row: RunRecord): Promise<void> {
    const { runs, writer, holds } = this.#options;
    const { runId } = row;
    const start = await runs.start(runId);
    if (start?.runId !== runId) {
      this.#again.delete(runId);
      // A workload that stands already will end by itself and close the row.
      if (row.workload === undefined) await this.#fail(runId, START_UNAVAILABLE);
      return;
    }
    const marked = await writer.change(runId, markOffered);
    if (marked === undefined || !needsStart(marked) || !holds()) return;
    if (!this.#hasRoom(runId, start.pipelineType)) {
      this.#again.add(runId);
      this.#backlog = true;
      return;
    }
    this.#again.delete(runId);
    this.#waiting.delete(runId);
    await this.#say(start);
  }

  async #say(start: RunStart): Promise<void> {
    const { connection, logger } = this.#options;
    const { runId } = start;
    try {
      connection.start(start, this.#standing.has(runId));
      this.#sent.add(runId);
    } catch (error) {
      const problem = toRunnerError(error);
      logger.error('a start cannot be sent', { runId, error: problem });
      await this.#fail(runId, unsendable(problem));
    }
  }

  async #fail(runId: string, diagnosis: WireDiagnosis): Promise<void> {
    await this.#options.writer.change(runId, (row, now) => failByControlPlane(row, diagnosis, now));
  }

  /** Runs that are not open any more need not be remembered. */
  #forget(rows: readonly RunRecord[]): void {
    const open = new Set(rows.map((row) => row.runId));
    for (const known of [this.#again, this.#sent, this.#standing, this.#waiting]) {
      for (const runId of known.keys()) if (!open.has(runId)) known.delete(runId);
    }
  }
}
