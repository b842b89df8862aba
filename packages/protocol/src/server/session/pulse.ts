import type { Random } from '@runner/core';
import type { Timings } from '../../messages.ts';

/** When to ping and when silence has lasted too long. All times are monotonic milliseconds. */
export class Pulse {
  readonly #timings: Timings;
  readonly #random: Random;
  #heardAt: number;
  #pingAt: number;
  #proofUntil: number | undefined;
  #pings = 0;

  constructor(timings: Timings, random: Random, now: number) {
    this.#timings = timings;
    this.#random = random;
    this.#heardAt = now;
    this.#pingAt = this.#next(now);
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#proofUntil = undefined;
  }

  /** The other side shall say anything within `ms`. A challenge under way is not prolonged. Returns the number for a ping. */
  challenge(now: number, ms: number): number | undefined {
    if (this.#proofUntil !== undefined) return undefined;
    this.#proofUntil = now + ms;
    return this.#ping(now);
  }

  isSilent(now: number): boolean {
    return now >= this.silentAt;
  }

  /** The number for a ping that is due. */
  due(now: number): number | undefined {
    return now >= this.#pingAt ? this.#ping(now) : undefined;
  }

  get nextAt(): number {
    return Math.min(this.#pingAt, this.silentAt);
  }

  /** When silence will have lasted too long. */
  get silentAt(): number {
    return Math.min(this.#heardAt + this.#timings.silenceMs, this.#proofUntil ?? Infinity);
  }

  #ping(now: number): number {
    this.#pingAt = this.#next(now);
    this.#pings += 1;
    return this.#pings;
  }

  #next(now: number): number {
    return now + this.#timings.heartbeatMs * (0.8 + 0.4 * this.#random.next());
  }
}
