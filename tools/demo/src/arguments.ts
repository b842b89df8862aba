import { RunnerError } from '@runner/core';

export interface Arguments {
  /** What happens once the table is printed: end, or stay until a signal. */
  readonly afterwards: 'end' | 'stay';
  readonly help: boolean;
}

/** The command as it is typed, and what it says when it is asked. */
export interface Command {
  readonly name: 'npm start' | 'npm run demo:cluster';
  readonly help: string;
}

export const START: Command = {
  name: 'npm start',
  help: `Starts a PostgreSQL with the database of a small shop, a control plane and an agent, and catalogues the shop through them.

  npm start              the same and, in a terminal, stay until Ctrl-C
  npm start -- --once    do it once and end: 0 when all went well
  npm start -- --keep    stay until Ctrl-C, in a script too

State is kept in .runner/ of the repository, or in the folder that DEMO_DIR names.
`,
};

export const CLUSTER: Command = {
  name: 'npm run demo:cluster',
  help: `The same as npm start, but the run is a Job of the cluster that KUBECONFIG names, and the password is a Secret there.

  npm run demo:cluster              the same and, in a terminal, stay until Ctrl-C
  npm run demo:cluster -- --once    do it once and end: 0 when all went well
  npm run demo:cluster -- --keep    stay until Ctrl-C, in a script too

Everything on the cluster is in one namespace, which is removed at the end.
  INGESTION_IMAGE   image of the workload; needed unless the cluster is that of tools/cluster
  HOST_FOR_PODS     address at which pods reach this machine; needed unless the cluster is that of tools/cluster
  DEMO_DIR          where state is kept instead of .runner/cluster
`,
};

/** Pure. Unknown words are an error, so that a typo does not change what is done. */
export function parseArguments(words: readonly string[], isTerminal: boolean, command = START): Arguments {
  const known = new Set(['--once', '--keep', '--help', '-h']);
  const unknown = words.find((word) => !known.has(word));
  if (unknown !== undefined) {
    throw new RunnerError('demo_arguments', `there is no option ${unknown}`, {
      hint: `${command.name} -- --help lists them`,
    });
  }
  if (words.includes('--once') && words.includes('--keep')) {
    throw new RunnerError('demo_arguments', '--once ends and --keep stays', { hint: 'give one of them' });
  }
  const stays = words.includes('--keep') || (isTerminal && !words.includes('--once'));
  return { afterwards: stays ? 'stay' : 'end', help: words.includes('--help') || words.includes('-h') };
}
