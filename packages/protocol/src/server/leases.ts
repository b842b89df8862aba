import type { Clock, Logger, Random, Timer } from '@runner/core';
import { messageOf } from '@runner/core';
import type { AgentBook, InstanceClaim } from './ports.ts';
import type { Roles } from './roles.ts';

export interface LeasesOptions {
  readonly agents: AgentBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly leaseMs: number;
  /** Everybody who may hold a lease. */
  readonly holders: () => Iterable<Roles>;
}

const RENEWALS_PER_LEASE = 3;
const BATCH = 1_000;
/** Calls at once where the book cannot renew many in one. */
const PARALLEL = 8;

/** Renews the leases of all active sessions of this process together. */
export class Leases {
  readonly #options: LeasesOptions;
  #timer: Timer | undefined;
  #renewing: Promise<void> | undefined;
  #away = false;
  #stopped = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Resolves when a renewal that was under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#renewing;
  }

  #arm(): void {
    const { clock, random, leaseMs } = this.#options;
    if (this.#stopped) return;
    this.#timer = clock.setTimer((leaseMs / RENEWALS_PER_LEASE) * (0.9 + 0.1 * random.next()), () => {
      for (const roles of this.#options.holders()) roles.checkLease();
      // A store that does not answer must not collect calls.
      this.#renewing ??= this.#renewAll().finally(() => (this.#renewing = undefined));
      this.#arm();
    });
  }

  async #renewAll(): Promise<void> {
    const held: Roles[] = [...this.#options.holders()].filter((roles) => roles.lease !== undefined);
    for (let from = 0; from < held.length && !this.#stopped; from += BATCH) {
      await this.#renew(held.slice(from, from + BATCH));
    }
  }

  async #renew(batch: readonly Roles[]): Promise<void> {
    const { clock, leaseMs, logger } = this.#options;
    const askedAt = clock.monotonic();
    const claims = new Map<string, { roles: Roles; claim: InstanceClaim }>();
    for (const roles of batch) {
      const claim = roles.lease;
      if (claim !== undefined) claims.set(claim.sessionId, { roles, claim });
    }
    try {
      const kept = await this.#ask([...claims.values()].map((one) => one.claim));
      for (const [sessionId, { roles }] of claims) {
        roles.renewed(sessionId, kept.has(sessionId) ? askedAt + leaseMs : undefined);
      }
      this.#away = false;
    } catch (error) {
      // Said once for each outage; the leases run out by themselves and then end their sessions.
      if (!this.#away) logger.warn('leases cannot be renewed', { error: messageOf(error) });
      this.#away = true;
    }
  }

  async #ask(claims: readonly InstanceClaim[]): Promise<ReadonlySet<string>> {
    const { agents, leaseMs } = this.#options;
    if (agents.renewMany !== undefined) return agents.renewMany(claims, leaseMs);
    const kept = new Set<string>();
    const waiting = [...claims];
    const worker = async (): Promise<void> => {
      for (let claim = waiting.shift(); claim !== undefined; claim = waiting.shift()) {
        if (await agents.renew(claim, leaseMs)) kept.add(claim.sessionId);
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, claims.length) }, worker));
    return kept;
  }
}
