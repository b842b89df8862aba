import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the command is, seen from this module: in the sources, in this package as it is built, in a bundle of an application. */
const PLACES = ['../cli.ts', './cli.js', './runner-secrets.js'];

/**
 * How to start `runner-secrets` of this package with this Node: program and arguments, to which those of a command are
 * added. For programs that put it in front of others. A bundle must hold `src/cli.ts` of this package as an entry of the
 * name `runner-secrets`, beside the file that has this module.
 * @returns undefined when it is not there
 */
export function runnerSecretsCommand(): readonly [string, ...string[]] | undefined {
  const isSource = import.meta.url.endsWith('.ts');
  for (const place of PLACES) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (place.endsWith('.ts') !== isSource || !existsSync(file)) continue;
    // It copies output: a small space for what lives shortly is enough, and there is one for each program.
    const flags = ['--no-warnings', '--max-semi-space-size=1', ...(isSource ? ['--conditions=@runner/source'] : [])];
    return [process.execPath, ...flags, file];
  }
  return undefined;
}
