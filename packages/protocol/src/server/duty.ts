import type { Clock, Logger, Random, Timer } from '@runner/core';
import { messageOf } from '@runner/core';
import { CLOSE } from '../close-codes.ts';
import type { WireObservation } from '../messages.ts';
import { LIMITS } from '../messages.ts';
import type { Connection } from './connection.ts';
import { saysEnded, saysEnding, saysLive, saysPresent, saysUnknown, toEvidence } from './evidence.ts';
import { Offers } from './offers.ts';
import type { BridgeObserver, Evidence, RunBook, RunRecord } from './ports.ts';
import { optional } from './record-fields.ts';
import { belongsToLevel, isClosed, needsCancel, needsStart } from './run-states.ts';
import { RunWriter } from './run-writer.ts';
import type { RunMessage } from './session/step.ts';
import type { WorkQueue } from './work-queue.ts';

export interface DutyOptions {
  readonly agentId: string;
  readonly scopeId: string;
  readonly connection: Connection;
  readonly runs: RunBook;
  /** Of the agent: outlives its sessions, so that what an older one said is written first. */
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: BridgeObserver;
  readonly levelIntervalMs: number;
  readonly adoptedDeadlineSeconds?: number | undefined;
  /** Whether the lease is still held. */
  readonly holds: () => boolean;
}

/** An unanswered level is waited for this many times before another is stated. */
const LEVELS_SKIPPED = 4;

/**
 * What the control plane does for one active session: states levels, sends starts and cancels, writes down what the agent
 * says and confirms it. Everything that needs the store goes through the agent's queue, one job at a time.
 */
export class Duty {
  readonly #options: DutyOptions;
  readonly #writer: RunWriter;
  readonly #offers: Offers;
  readonly #cancelsSaid = new Set<string>();
  #levelRows: ReadonlyMap<string, RunRecord> = new Map();
  #timer: Timer | undefined;
  #levelQueued = false;
  #syncQueued = false;
  #skipped = 0;
  #stopped = false;

  constructor(options: DutyOptions) {
    this.#options = options;
    this.#writer = new RunWriter(options);
    this.#offers = new Offers({ ...options, writer: this.#writer, holds: () => this.#alive });
    this.requestLevel();
  }

  /** Sends nothing any more. What was taken in is still written. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  get #alive(): boolean {
    return !this.#stopped && !this.#options.connection.over && this.#options.holds();
  }

  // --- levels, starts, cancels -------------------------------------------------------------------------------------------

  /** Something about the runs changed in the store. */
  requestSync(): void {
    if (this.#syncQueued || this.#stopped) return;
    this.#syncQueued = true;
    this.#push(async () => {
      this.#syncQueued = false;
      if (this.#alive) await this.#sync(await this.#open());
    });
  }

  /** The agent has more room, or wants to leave. */
  slotsChanged(): void {
    this.#offers.slotsChanged();
    if (this.#offers.hasWork && this.#offers.canSend) this.requestSync();
  }

  /** A level now: at the beginning, every minute, and whenever changes may have been missed. */
  requestLevel(): void {
    if (this.#levelQueued || this.#stopped) return;
    this.#levelQueued = true;
    this.#push(async () => {
      this.#levelQueued = false;
      this.#arm();
      if (this.#alive) await this.#level();
    });
  }

  async #level(): Promise<void> {
    const { connection, clock } = this.#options;
    if (connection.levelOutstanding && this.#skipped < LEVELS_SKIPPED) {
      this.#skipped += 1;
      return;
    }
    const rows = await this.#open();
    if (!this.#alive) return;
    this.#skipped = 0;
    const stated = rows.filter((row) => belongsToLevel(row, clock.now()));
    this.#levelRows = new Map(stated.map((row) => [row.runId, row]));
    connection.level(stated.map(({ runId, want, accepted }) => ({ runId, want, accepted })));
    // The level has just said them.
    this.#cancelsSaid.clear();
    for (const row of stated) if (row.want === 'cancel') this.#cancelsSaid.add(row.runId);
    await this.#sync(rows);
  }

  async #sync(rows: readonly RunRecord[]): Promise<void> {
    if (!this.#alive) return;
    const now = this.#options.clock.now();
    for (const row of rows) {
      if (needsCancel(row, now) && !this.#cancelsSaid.has(row.runId)) this.#cancel(row.runId);
    }
    await this.#offers.send(rows);
  }

  #cancel(runId: string): void {
    this.#cancelsSaid.add(runId);
    this.#options.connection.tell({ type: 'cancel', runId });
  }

  #open(): Promise<readonly RunRecord[]> {
    return this.#options.runs.open(this.#options.agentId);
  }

  #arm(): void {
    const { clock, random, levelIntervalMs } = this.#options;
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = clock.setTimer(levelIntervalMs * (0.8 + 0.4 * random.next()), () => this.requestLevel());
  }

  // --- what the agent says -----------------------------------------------------------------------------------------------

  said(message: RunMessage, bytes: number): void {
    this.#push(() => this.#write(message), bytes);
  }

  reported(): void {
    this.#push(() => {
      this.#levelRows = new Map();
      const first = this.#offers.open();
      if (first || this.#offers.hasWork) this.requestSync();
      return Promise.resolve();
    });
  }

  report(page: { runs: ReadonlyMap<string, boolean>; observations: readonly WireObservation[] }, bytes: number): void {
    this.#push(() => this.#writePage(page.runs, page.observations), bytes);
  }

  async #write(message: RunMessage): Promise<void> {
    const { connection, observer, clock, scopeId } = this.#options;
    const { runId, evidence } = toEvidence(message, scopeId);
    const row = await this.#writer.apply(runId, evidence);
    if (this.#writer.isForeign(row)) return observer.ignored?.('foreign_run');
    if (message.type === 'ending') connection.tell({ type: 'ending.ack', runId });
    if (row === undefined) return;
    if (saysEnded(evidence) && isClosed(row)) connection.tell({ type: 'recorded', runIds: [runId] });
    if (needsCancel(row, clock.now()) && (message.type === 'accepted' || !this.#cancelsSaid.has(runId))) {
      if (saysLive(evidence) || message.type === 'accepted') this.#cancel(runId);
    }
    if (message.type === 'waiting') this.#offers.waits(runId);
    if (message.type === 'observed' && saysLive(evidence) && needsStart(row)) {
      this.#offers.seen(runId);
      if (this.#offers.hasWork) this.requestSync();
    }
  }

  async #writePage(level: ReadonlyMap<string, boolean>, observations: readonly WireObservation[]): Promise<void> {
    const { connection, observer } = this.#options;
    const recorded: string[] = [];
    for (const observation of observations) {
      const { runId } = observation;
      const levelAccepted = level.get(runId);
      const evidence: Evidence = {
        kind: 'observed',
        observation,
        scopeId: this.#options.scopeId,
        ...optional('levelAccepted', levelAccepted),
      };
      const row = await this.#settle(runId, evidence);
      if (this.#writer.isForeign(row)) observer.ignored?.('foreign_run');
      else if (row !== undefined) this.#follow(row, evidence, levelAccepted, recorded);
    }
    for (let from = 0; from < recorded.length; from += LIMITS.pageRuns) {
      connection.tell({ type: 'recorded', runIds: recorded.slice(from, from + LIMITS.pageRuns) });
    }
  }

  /** A report mostly says what is known: only what would change the row as the level saw it is written. */
  async #settle(runId: string, evidence: Evidence): Promise<RunRecord | undefined> {
    const known = this.#levelRows.get(runId) ?? (await this.#options.runs.get(runId));
    return this.#writer.wouldChange(known, evidence) ? this.#writer.apply(runId, evidence) : known;
  }

  #follow(row: RunRecord, evidence: Evidence, levelAccepted: boolean | undefined, recorded: string[]): void {
    if (saysEnded(evidence) && isClosed(row)) recorded.push(row.runId);
    if (levelAccepted !== true && needsStart(row)) {
      if (saysPresent(evidence)) this.#offers.seen(row.runId);
      if (!saysUnknown(evidence)) this.#offers.again(row.runId);
    }
    // The level has said the cancel; whoever has not begun to end the workload is told once more.
    if (needsCancel(row, this.#options.clock.now()) && (levelAccepted === undefined || !saysEnding(evidence))) {
      this.#cancel(row.runId);
    }
  }

  #push(job: () => Promise<void>, bytes = 0): void {
    const { queue, connection, logger } = this.#options;
    const guarded = async (): Promise<void> => {
      try {
        await job();
      } catch (error) {
        // Nothing is lost: the next session begins with a level.
        logger.warn('the store did not take or give what was asked', { error: messageOf(error) });
        connection.close(CLOSE.unavailable);
      }
    };
    if (!queue.push(guarded, bytes)) connection.close(CLOSE.unavailable, 'too much waits for the store');
  }
}
