/**
 * The program that stays with one run: `node supervisor.js <folder of the run> <nonce>`. A process of its own, so that
 * the run outlives the agent and its exit code is not lost.
 */
import { superviseRun } from './supervisor/supervise.ts';

const [folder, nonce] = process.argv.slice(2);
if (folder === undefined || nonce === undefined) {
  process.stderr.write('usage: supervisor <folder of the run> <nonce>\n');
  process.exitCode = 64;
} else {
  await superviseRun(folder, nonce);
}
