import type { Random } from '@runner/core';
import type { Timings } from '../messages.ts';

/** What is due now. */
export type Beat =
  { readonly kind: 'ping'; readonly n: number } | { readonly kind: 'silent' } | { readonly kind: 'none' };

/** More pings than this are never waited for at once; the silence limit is far below it. */
const MAX_OUTSTANDING = 32;
const JITTER = 0.2;

/** When to ping and when the other side has been silent for too long. All instants are monotonic milliseconds. */
export class Heartbeat {
  readonly #timings: Timings;
  readonly #random: Random;
  readonly #outstanding = new Map<number, number>();
  #heardAt: number;
  #pingAt: number;
  #n = 0;

  constructor(timings: Timings, random: Random, at: number) {
    this.#timings = timings;
    this.#random = random;
    this.#heardAt = at;
    this.#pingAt = at + this.#interval();
  }

  /** When `tick` has something to do next, if nothing is heard until then. */
  get nextAt(): number {
    return Math.min(this.#pingAt, this.#heardAt + this.#timings.silenceMs);
  }

  heard(at: number): void {
    this.#heardAt = at;
  }

  tick(at: number): Beat {
    if (at - this.#heardAt >= this.#timings.silenceMs) return { kind: 'silent' };
    if (at < this.#pingAt) return { kind: 'none' };
    this.#pingAt = at + this.#interval();
    this.#n += 1;
    this.#outstanding.set(this.#n, at);
    if (this.#outstanding.size > MAX_OUTSTANDING) this.#outstanding.delete(this.#n - MAX_OUTSTANDING);
    return { kind: 'ping', n: this.#n };
  }

  /** Milliseconds since the ping this answers; undefined when there is none such. */
  pong(n: number, at: number): number | undefined {
    const sentAt = this.#outstanding.get(n);
    if (sentAt === undefined) return undefined;
    for (const earlier of this.#outstanding.keys()) if (earlier <= n) this.#outstanding.delete(earlier);
    return at - sentAt;
  }

  #interval(): number {
    return this.#timings.heartbeatMs * (1 - JITTER + 2 * JITTER * this.#random.next());
  }
}
