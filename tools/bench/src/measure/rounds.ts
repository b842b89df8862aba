import type { Clock } from '@runner/core';
import { median } from '../statistics.ts';

/** What it took to make so many things. */
export interface Made {
  readonly count: number;
  /** From the first to the last answer, in milliseconds. */
  readonly ms: number;
  /** Of the process that made them, in milliseconds of processor time, collections and all. */
  readonly cpuMs: number;
  /** Answers 429. What was waited for then is in `ms`. */
  readonly throttled: number;
}

/** One round of the sides of a comparison. */
export type Round<Side extends string> = Readonly<Record<Side, Made>>;

/** Started when it is called; says what has passed since. */
export function stopwatch(clock: Clock): () => Pick<Made, 'ms' | 'cpuMs'> {
  const began = clock.monotonic();
  const used = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { ms: clock.monotonic() - began, cpuMs: (user + system) / 1_000 };
  };
}

export interface Turns<Side extends string> {
  readonly rounds: number;
  readonly sides: Readonly<Record<Side, () => Promise<Made>>>;
  /** Puts things in order after each side. */
  readonly after: () => Promise<void>;
  readonly say: (text: string) => void;
}

/**
 * All sides in each round, every other round backwards: what else the machine does, and what grows from round to round,
 * meets all of them.
 */
export async function inTurns<Side extends string>(turns: Turns<Side>): Promise<readonly Round<Side>[]> {
  const names = Object.keys(turns.sides) as Side[];
  const all: Round<Side>[] = [];
  for (let round = 1; round <= turns.rounds; round += 1) {
    const made: Partial<Record<Side, Made>> = {};
    for (const name of round % 2 === 1 ? names : names.toReversed()) {
      made[name] = await turns.sides[name]();
      await turns.after();
    }
    all.push(made as Round<Side>);
    turns.say(`round ${round}: ${names.map((name) => describe(name, made[name])).join('; ')}`);
  }
  return all;
}

function describe(name: string, made: Made | undefined): string {
  if (made === undefined) return name;
  const { throttled } = made;
  const refused = throttled === 0 ? '' : `, ${throttled} times 429`;
  return `${name} ${Math.round(perSecond(made))} a second, ${cpuOf(made).toFixed(2)} ms of processor time each${refused}`;
}

export const perSecond = ({ count, ms }: Made): number => count / (ms / 1_000);

const cpuOf = ({ count, cpuMs }: Made): number => cpuMs / count;

/** Processor time of one, in milliseconds: the round in the middle. */
export const middleCpu = (made: readonly Made[]): number => median(made.map(cpuOf));

/**
 * The round in which the ratio of the two rates is in the middle, the lower one of two. The two were measured one after the
 * other, so what the machine did meanwhile changes their ratio less than their rates.
 */
export function middleRound<Side extends string>(rounds: readonly Round<Side>[], of: Side, to: Side): Round<Side> {
  const ratio = (round: Round<Side>): number => perSecond(round[of]) / perSecond(round[to]);
  const middle = median(rounds.map(ratio));
  const found = rounds.find((round) => ratio(round) === middle);
  if (found === undefined) throw new Error('there was no round');
  return found;
}
