import type { Clock, Timer } from '@runner/core';
import type { ApiFault, FaultTarget } from '../api-server.ts';

/** What faults are matched against. */
export interface Aim {
  readonly verb: string;
  readonly resource: string;
}

interface Standing {
  readonly fault: ApiFault;
  readonly target: FaultTarget;
  left: number;
}

/** A watch or a followed log that is open, as far as faults need to reach it. */
export interface Reachable {
  readonly aim: Aim;
  cut(): void;
  mute(): void;
  /** Only watches. */
  expire?(): void;
}

function hits(target: FaultTarget, aim: Aim): boolean {
  return (target.verb ?? aim.verb) === aim.verb && (target.resource ?? aim.resource) === aim.resource;
}

/** Faults that stand now, and the streams they reach into. */
export class Faults {
  readonly #clock: Clock;
  readonly #standing = new Set<Standing>();
  readonly #streams = new Set<Reachable>();
  readonly #timers = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(fault: ApiFault, target: FaultTarget): () => void {
    const standing: Standing = { fault, target, left: target.times ?? Infinity };
    this.#standing.add(standing);
    const reached = [...this.#streams].filter((stream) => hits(target, stream.aim));
    if (fault.kind === 'silence') for (const stream of reached) stream.mute();
    if (fault.kind === 'expire') for (const stream of reached) stream.expire?.();
    if (fault.kind === 'cut_watches') this.#cutRegularly(standing, fault.everyMs);
    return () => void this.#standing.delete(standing);
  }

  /** The first fault of these kinds that hits; uses up one of its times. */
  take(aim: Aim, ...kinds: readonly ApiFault['kind'][]): ApiFault | undefined {
    for (const standing of this.#standing) {
      if (standing.left <= 0 || !kinds.includes(standing.fault.kind) || !hits(standing.target, aim)) continue;
      standing.left -= 1;
      return standing.fault;
    }
    return undefined;
  }

  /** The same without using it up, for what lasts: late and duplicate events. */
  stands<Name extends ApiFault['kind']>(aim: Aim, kind: Name): Extract<ApiFault, { kind: Name }> | undefined {
    for (const { fault, target } of this.#standing) {
      if (fault.kind === kind && hits(target, aim)) return fault as Extract<ApiFault, { kind: Name }>;
    }
    return undefined;
  }

  opened(stream: Reachable): () => void {
    this.#streams.add(stream);
    return () => void this.#streams.delete(stream);
  }

  get openWatches(): number {
    return [...this.#streams].filter((stream) => stream.aim.verb === 'watch').length;
  }

  close(): void {
    this.#standing.clear();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #cutRegularly(standing: Standing, everyMs: number): void {
    // Logs only when they are named: a watch that is cut is one thing, a log another.
    const target: FaultTarget = { verb: 'watch', ...standing.target };
    const timer = this.#clock.setTimer(everyMs, () => {
      this.#timers.delete(timer);
      if (!this.#standing.has(standing) || standing.left <= 0) return;
      for (const stream of [...this.#streams]) {
        if (standing.left <= 0 || !hits(target, stream.aim)) continue;
        standing.left -= 1;
        stream.cut();
      }
      this.#cutRegularly(standing, everyMs);
    });
    this.#timers.add(timer);
  }
}
