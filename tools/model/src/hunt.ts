import process from 'node:process';
import fc from 'fast-check';
import type { History } from './history.ts';
import { history } from './history.ts';
import { play } from './play.ts';

export interface Hunted {
  /** Histories played. */
  readonly played: number;
  readonly seed: number;
  /** What broke first; undefined: every promise was kept. */
  readonly broken?: { readonly path: string; readonly history: History; readonly sentences: readonly string[] };
}

/** Plays random histories until one breaks a promise. A failure of the model's own, or of the code, is thrown. */
export async function hunt(options: {
  readonly histories: number;
  readonly seed?: number;
  readonly path?: string;
  /** Look for a shorter history that breaks as well. */
  readonly shrink?: boolean;
}): Promise<Hunted> {
  const { histories, seed, path, shrink = false } = options;
  const crashes: unknown[] = [];
  let sentences: readonly string[] = [];
  const result = await fc.check(
    fc.asyncProperty(history, async (one) => {
      const found = await watched(() => play(one)).catch((error: unknown) => {
        crashes.push(error);
        throw error;
      });
      if (found.length === 0) return;
      sentences = found;
      throw new Error(found.join('\n'));
    }),
    {
      numRuns: histories,
      ...(seed === undefined ? {} : { seed }),
      ...(path === undefined ? {} : { path }),
      endOnFailure: !shrink,
    },
  );
  if (crashes.length > 0) throw new Error('the model crashed', { cause: crashes[0] });
  const { numRuns: played, counterexample, counterexamplePath } = result;
  if (counterexample === null) return { played, seed: result.seed };
  return {
    played,
    seed: result.seed,
    broken: { path: counterexamplePath, history: counterexample[0], sentences },
  };
}

/** Counts a promise that nobody owns among what is broken. */
async function watched(work: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', onRejection);
  try {
    const found = await work();
    return [...found, ...rejections.map((error) => `unhandled rejection: ${String(error)}`)];
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}
