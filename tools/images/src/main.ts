import { HELP, readArguments } from './arguments.ts';
import { buildImages } from './build.ts';
import { missingEngine } from './engine/choose.ts';

async function main(words: readonly string[]): Promise<number> {
  const order = readArguments(words);
  if (order.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const missing = order.check ? await missingEngine() : undefined;
  if (missing !== undefined) process.stderr.write(`images: ${missing}\n`);
  if (order.check) return missing === undefined ? 0 : 1;
  await buildImages(order, process.env, (line) => process.stdout.write(`images: ${line}\n`));
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`images: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
