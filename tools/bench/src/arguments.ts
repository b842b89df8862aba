import { RunnerError } from '@runner/core';

export interface Arguments {
  readonly quick: boolean;
  readonly json: boolean;
  readonly help: boolean;
  /** Names of the benches to run; empty: all. */
  readonly only: readonly string[];
}

export const HELP = `Measures what the project promises, and prints each figure with its promise. Ends with 0 whatever the figures are.

  npm run bench                     everything, in about ten minutes
  npm run bench -- --quick          the same with small counts, in about a minute
  npm run bench -- --only codec     one of them; may be given several times
  npm run bench -- --json           JSON instead of tables
`;

/** Pure. Unknown words are an error, so that a typo does not change what is measured. */
export function parseArguments(words: readonly string[], names: readonly string[]): Arguments {
  const only: string[] = [];
  const flags = new Set<string>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--only') {
      at += 1;
      only.push(known(words[at], names));
    } else if (['--quick', '--json', '--help'].includes(word)) {
      flags.add(word);
    } else {
      throw new RunnerError('bench_arguments', `there is no option ${word}`, {
        hint: 'npm run bench -- --help lists them',
      });
    }
  }
  return { quick: flags.has('--quick'), json: flags.has('--json'), help: flags.has('--help'), only };
}

function known(name: string | undefined, names: readonly string[]): string {
  if (name !== undefined && names.includes(name)) return name;
  throw new RunnerError('bench_arguments', `there is no bench ${name ?? 'without a name'}`, {
    hint: `use one of ${names.join(', ')}`,
  });
}
