import { RunnerError } from '@runner/core';

export interface Arguments {
  /** What happens once the table is printed: end, or stay until a signal. */
  readonly afterwards: 'end' | 'stay';
  readonly help: boolean;
}

export const HELP = `Starts a PostgreSQL with the database of a small shop, a control plane and an agent, and catalogues the shop through them.

  npm start              the same and, in a terminal, stay until Ctrl-C
  npm start -- --once    do it once and end: 0 when all went well
  npm start -- --keep    stay until Ctrl-C, in a script too

State is kept in .runner/ of the repository, or in the folder that DEMO_DIR names.
`;

/** Pure. Unknown words are an error, so that a typo does not change what is done. */
export function parseArguments(words: readonly string[], isTerminal: boolean): Arguments {
  const known = new Set(['--once', '--keep', '--help', '-h']);
  const unknown = words.find((word) => !known.has(word));
  if (unknown !== undefined) {
    throw new RunnerError('demo_arguments', `there is no option ${unknown}`, {
      hint: 'npm start -- --help lists them',
    });
  }
  if (words.includes('--once') && words.includes('--keep')) {
    throw new RunnerError('demo_arguments', '--once ends and --keep stays', { hint: 'give one of them' });
  }
  const stays = words.includes('--keep') || (isTerminal && !words.includes('--once'));
  return { afterwards: stays ? 'stay' : 'end', help: words.includes('--help') || words.includes('-h') };
}
