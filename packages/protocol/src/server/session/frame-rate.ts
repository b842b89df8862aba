export interface FrameRate {
  /** Frames a second an agent may send for ever. */
  readonly perSecond: number;
  /** Frames it may send at once: a report of many runs, or everything that ended while the server was away. */
  readonly burst: number;
}

/** A token bucket over monotonic milliseconds. */
export class FrameBucket {
  readonly #rate: FrameRate;
  #level: number;
  #at: number;

  constructor(rate: FrameRate, now: number) {
    this.#rate = rate;
    this.#level = rate.burst;
    this.#at = now;
  }

  /** False when this frame is one too many. */
  take(now: number): boolean {
    this.#level = Math.min(this.#rate.burst, this.#level + ((now - this.#at) / 1_000) * this.#rate.perSecond);
    this.#at = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}
