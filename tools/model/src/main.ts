import process from 'node:process';
import { hunt } from './hunt.ts';

/**
 * Plays random histories and stops at the first that breaks a promise (exit code 1). Any other failure is a crash.
 * usage: main.ts [histories] [seed] [path]; MODEL_SHRINK=1 looks for a shorter history
 */
const [histories = '1000', seed, path] = process.argv.slice(2);
const started = performance.now();
const {
  played,
  seed: used,
  broken,
} = await hunt({
  histories: Number(histories),
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(path === undefined ? {} : { path }),
  shrink: process.env['MODEL_SHRINK'] !== undefined,
});
const seconds = ((performance.now() - started) / 1_000).toFixed(1);
if (broken === undefined) {
  console.log(`${played} histories in ${seconds} s, seed ${used}: every promise kept`);
} else {
  console.log(`broken after ${played} histories (${seconds} s), seed ${used}, path ${broken.path}`);
  console.log(JSON.stringify(broken.history));
  for (const sentence of broken.sentences) console.log(sentence);
  process.exitCode = 1;
}
