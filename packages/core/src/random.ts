import { randomUUID, randomInt } from 'node:crypto';

/** The only source of chance, so that tests can replay it. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A random (version 4) UUID. */
  uuid(): string;
}

const RESOLUTION = 2 ** 47;

/** Chance of the operating system. */
export function systemRandom(): Random {
  return { next: () => randomInt(RESOLUTION) / RESOLUTION, uuid: () => randomUUID() };
}
