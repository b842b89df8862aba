import fc from 'fast-check';
import { history } from './history.ts';
import { play } from './play.ts';

/**
 * Plays random histories and stops at the first that breaks a promise.
 * usage: main.ts [histories] [seed] [path]
 */
const [histories = '1000', seed, path] = process.argv.slice(2);
const rejections: unknown[] = [];
process.on('unhandledRejection', (error) => rejections.push(error));

const started = performance.now();
const result = await fc.check(
  fc.asyncProperty(history, async (one) => {
    const found = await play(one);
    if (rejections.length > 0) throw new Error(`promise without an owner: ${String(rejections.splice(0)[0])}`);
    if (found.length > 0) throw new Error(found.join('\n'));
  }),
  {
    numRuns: Number(histories),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
    // Shrinking is for people; a mutant only has to die.
    endOnFailure: process.env['MODEL_SHRINK'] === undefined,
  },
);
const seconds = ((performance.now() - started) / 1_000).toFixed(1);
if (result.failed) {
  console.log(
    `broken after ${result.numRuns} histories (${seconds} s), seed ${result.seed}, path ${result.counterexamplePath ?? ''}`,
  );
  console.log(JSON.stringify(result.counterexample?.[0]));
  console.log(result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance));
  process.exitCode = 1;
} else {
  console.log(`${result.numRuns} histories in ${seconds} s, seed ${result.seed}: every promise kept`);
}
