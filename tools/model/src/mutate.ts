import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MUTANTS } from './mutants.ts';

/**
 * `node --import <this>`: while the one file of the mutant named by MODEL_MUTANT is loaded, its text is changed. The
 * repository itself is never edited.
 */
const REPOSITORY = new URL('../../../', import.meta.url);
const name = process.env['MODEL_MUTANT'];
const mutant = MUTANTS.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`there is no mutant ${String(name)}`);

const url = pathToFileURL(fileURLToPath(new URL(mutant.file, REPOSITORY))).href;
const text = readFileSync(new URL(url), 'utf8');
const pieces = text.split(mutant.find);
if (pieces.length !== 2) throw new Error(`${mutant.file} has the text of "${mutant.name}" ${pieces.length - 1} times`);
const source = pieces.join(mutant.replace);

let loaded = false;
registerHooks({
  load: (asked, context, next) => {
    if (asked !== url) return next(asked, context);
    loaded = true;
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});
process.on('exit', () => {
  if (loaded) return;
  console.log(`the file of "${mutant.name}" was never loaded`);
  process.exitCode = 2;
});
