import type { Clock, Random } from '@runner/core';
import { isRunnerError, messageOf, systemClock, systemRandom } from '@runner/core';
import type { Arguments, Command } from './arguments.ts';
import { parseArguments } from './arguments.ts';
import type { Screen } from './screen.ts';
import { createScreen } from './screen.ts';

/** What a demo gets of the process it runs in. */
export interface CommandParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly screen: Screen;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted by Ctrl-C: everything is ended, in reverse order. */
  readonly signal: AbortSignal;
  readonly afterwards: Arguments['afterwards'];
}

/** Exit codes of programs that a signal ended. */
const STOPPED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The process around a demo: words, signals, what is said at the end. Resolves with the exit code. */
export async function runCommand(command: Command, run: (parts: CommandParts) => Promise<void>): Promise<number> {
  const screen = createScreen(process.stdout);
  const stopping = new AbortController();
  let stopped: keyof typeof STOPPED | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopped === undefined) screen.say('Ending everything that was started');
      stopped ??= signal;
      stopping.abort();
    });
  }
  // Nobody reads on (a closed pipe): what was started must be ended all the same.
  process.stdout.on('error', () => stopping.abort());
  try {
    const { afterwards, help } = parseArguments(process.argv.slice(2), process.stdout.isTTY, command);
    if (help) {
      screen.say(command.help);
      return 0;
    }
    const clock = systemClock({ keepAlive: true });
    await run({ env: process.env, screen, clock, random: systemRandom(), signal: stopping.signal, afterwards });
    // Whoever looked around and left by Ctrl-C has seen all there was.
    return 0;
  } catch (error) {
    if (stopped !== undefined) return STOPPED[stopped];
    screen.say(`\nIt did not work: ${messageOf(error)}`);
    if (isRunnerError(error) && error.hint !== undefined) screen.say(`What helps: ${error.hint}`);
    return 1;
  }
}
