import { isRunnerError, messageOf, systemClock, systemRandom } from '@runner/core';
import { HELP, parseArguments } from './arguments.ts';
import { runDemo } from './demo.ts';
import { demoFolder } from './folder.ts';
import { createScreen } from './screen.ts';

/** Exit codes of programs that a signal ended. */
const STOPPED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function main(): Promise<number> {
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
    const { afterwards, help } = parseArguments(process.argv.slice(2), process.stdout.isTTY);
    if (help) {
      screen.say(HELP);
      return 0;
    }
    await runDemo({
      folder: demoFolder(process.env['DEMO_DIR']),
      env: process.env,
      screen,
      clock: systemClock({ keepAlive: true }),
      random: systemRandom(),
      signal: stopping.signal,
      afterwards,
    });
    // Whoever looked around and left by Ctrl-C has seen all there was.
    return 0;
  } catch (error) {
    if (stopped !== undefined) return STOPPED[stopped];
    screen.say(`\nIt did not work: ${messageOf(error)}`);
    if (isRunnerError(error) && error.hint !== undefined) screen.say(`What helps: ${error.hint}`);
    return 1;
  }
}

process.exitCode = await main();
