import type { Clock, Logger, Random, Timer } from '@runner/core';
import { messageOf } from '@runner/core';
import { CLOSE } from '../close-codes.ts';
import type { Connection } from './connection.ts';
import type { AgentBook, BusEvent, InstanceClaim } from './ports.ts';
import { WorkQueue } from './work-queue.ts';

export interface RolesOptions {
  readonly agentId: string;
  readonly agents: AgentBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly leaseMs: number;
  readonly publish: (event: BusEvent) => void;
  /** The active connection changed; undefined: none here. */
  readonly activeChanged: (connection: Connection | undefined) => void;
  /** A connection got its first role, or another one. */
  readonly roleChanged: (connection: Connection, first: boolean) => void;
}

interface Activity {
  readonly connection: Connection;
  readonly claim: InstanceClaim;
  /** Monotonic; until then no other replica can have been given the activity. */
  leaseUntil: number;
}

/** While an instance waits, the incumbent is challenged this often, so that its death is noticed within 15 s. */
const ASK_AGAIN_MS = 5_000;
const MOST_WAITING = 1_000;

/**
 * Who is active for one agentId, as far as the sockets of this process are concerned. The agent book decides; this asks
 * it, keeps the lease, challenges incumbents while somebody waits, and gives up at once what it has lost.
 */
export class Roles {
  readonly #options: RolesOptions;
  readonly #waiting = new Map<Connection, Timer | undefined>();
  readonly #asks: WorkQueue;
  #active: Activity | undefined;
  #leaving = false;

  constructor(options: RolesOptions) {
    this.#options = options;
    this.#asks = new WorkQueue({
      maxJobs: MOST_WAITING,
      maxBytes: Infinity,
      failed: (error) => options.logger.error('deciding who is active failed', { error }),
    });
  }

  get active(): Connection | undefined {
    return this.#active?.connection;
  }

  get empty(): boolean {
    return this.#active === undefined && this.#waiting.size === 0 && this.#asks.idle;
  }

  /** Whether this connection may act now: the lease has not run out unnoticed. */
  holds(connection: Connection): boolean {
    const active = this.#active;
    return active?.connection === connection && this.#options.clock.monotonic() < active.leaseUntil;
  }

  join(connection: Connection): void {
    for (const other of [...this.#waiting.keys()]) {
      if (other.claim?.instanceId === connection.claim?.instanceId) other.close(CLOSE.replaced);
    }
    this.#waiting.set(connection, undefined);
    this.#ask(connection);
  }

  leave(connection: Connection): void {
    this.#waiting.get(connection)?.cancel();
    this.#waiting.delete(connection);
    if (this.#active?.connection !== connection) return;
    const { claim } = this.#active;
    this.#setActive(undefined);
    this.#asks.push(() => this.#release(claim));
  }

  /** A rival waits somewhere: the active instance shall prove that its agent lives. */
  challenge(): void {
    this.#active?.connection.challenge();
  }

  /** The activity is free, or may be: whoever waits here asks. */
  askAgain(): void {
    for (const connection of this.#waiting.keys()) this.#ask(connection);
  }

  /** The lease to renew, if there is one. */
  get lease(): InstanceClaim | undefined {
    return this.#active?.claim;
  }

  /** What came of renewing: the activity is held until then, or was lost. */
  renewed(sessionId: string, leaseUntil: number | undefined): void {
    const active = this.#active;
    if (active?.claim.sessionId !== sessionId) return;
    if (leaseUntil !== undefined) active.leaseUntil = Math.max(active.leaseUntil, leaseUntil);
    // Most likely the same instance connected to another replica and this socket is half open; were it to ask again, the
    // two would take the activity from each other for ever.
    else active.connection.close(CLOSE.replaced, 'another session of this agent is active');
  }

  /** The store could not be asked for so long that somebody else may be active. */
  checkLease(): void {
    const active = this.#active;
    if (active === undefined || this.#options.clock.monotonic() < active.leaseUntil) return;
    active.connection.close(CLOSE.unavailable, 'the lease ran out: the store did not answer');
  }

  /** Nobody is promoted any more; the caller closes the connections and waits for `drained`. */
  stop(): void {
    this.#leaving = true;
    for (const timer of this.#waiting.values()) timer?.cancel();
  }

  /** Resolves when what was held has been given up. */
  drained(): Promise<void> {
    return this.#asks.drained();
  }

  // --- inside ------------------------------------------------------------------------------------------------------------

  #ask(connection: Connection): void {
    this.#waiting.get(connection)?.cancel();
    if (!this.#asks.push(() => this.#claim(connection))) connection.close(CLOSE.unavailable, 'too many instances');
  }

  async #claim(connection: Connection): Promise<void> {
    const { agents, clock, leaseMs, logger } = this.#options;
    const { claim } = connection;
    if (claim === undefined || this.#leaving || !this.#waiting.has(connection)) return;
    const askedAt = clock.monotonic();
    let answer;
    try {
      answer = await agents.claim(claim, leaseMs);
    } catch (error) {
      logger.warn('the store could not say who is active', { error: messageOf(error) });
      connection.close(CLOSE.unavailable);
      return;
    }
    if (connection.over) {
      if (answer.role === 'active') await this.#release(claim);
      return;
    }
    if (answer.role === 'active') {
      this.#promote(connection, { connection, claim, leaseUntil: askedAt + leaseMs }, answer.epoch);
      return;
    }
    // The book may know better than this process: it gave the activity to somebody else.
    this.#changeRole(connection, answer.role, answer.epoch, answer.reason);
    this.#waitFor(connection, answer.retryInMs);
    this.#challengeIncumbent();
  }

  #promote(connection: Connection, activity: Activity, epoch: number): void {
    const before = this.#active?.connection;
    this.#waiting.delete(connection);
    this.#active = activity;
    if (before !== undefined && before !== connection) {
      const same = before.claim?.instanceId === activity.claim.instanceId;
      if (same) before.close(CLOSE.replaced);
      else this.#toStandby(before, epoch, 'another instance is active');
    }
    this.#changeRole(connection, 'active', epoch);
    this.#options.activeChanged(connection);
  }

  #toStandby(connection: Connection, epoch: number, reason: string): void {
    if (connection.over) return;
    this.#changeRole(connection, 'standby', epoch, reason);
    this.#waiting.set(connection, undefined);
    this.#waitFor(connection, undefined);
  }

  #changeRole(connection: Connection, role: 'active' | 'standby' | 'blocked', epoch: number, reason?: string): void {
    const first = !connection.welcomed;
    const before = connection.role;
    connection.setRole(role, epoch, reason);
    if (first || before !== role) this.#options.roleChanged(connection, first);
  }

  #waitFor(connection: Connection, retryInMs: number | undefined): void {
    if (this.#leaving || !this.#waiting.has(connection)) return;
    const { clock, random } = this.#options;
    const usual = ASK_AGAIN_MS * (0.8 + 0.4 * random.next());
    // A little later than the lease ends, so that the answer is not the same again.
    const delay = Math.min(usual, retryInMs === undefined ? usual : retryInMs + 50);
    this.#waiting.get(connection)?.cancel();
    this.#waiting.set(
      connection,
      clock.setTimer(delay, () => {
        if (this.#active === undefined) {
          this.#ask(connection);
          return;
        }
        // The incumbent's socket is here: whether it lives is known without the store.
        this.challenge();
        this.#waitFor(connection, undefined);
      }),
    );
  }

  #challengeIncumbent(): void {
    if (this.#active !== undefined) this.challenge();
    else this.#options.publish({ kind: 'challenge', agentId: this.#options.agentId });
  }

  async #release(claim: InstanceClaim): Promise<void> {
    const { agents, logger, publish, agentId } = this.#options;
    try {
      await agents.release(claim);
    } catch (error) {
      // Its lease runs out by itself.
      logger.warn('the activity of a closed session could not be given up', { error: messageOf(error) });
      return;
    }
    publish({ kind: 'released', agentId });
    if (!this.#leaving) this.askAgain();
  }

  #setActive(activity: Activity | undefined): void {
    this.#active = activity;
    this.#options.activeChanged(activity?.connection);
  }
}
