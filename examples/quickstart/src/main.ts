import type { LogRecord } from '@runner/core';
import { createLogger, systemClock, systemRandom } from '@runner/core';
import { runProgram } from './program.ts';
import { createRedaction } from './redaction.ts';

/** One line for people: time, level, sentence, facts. */
function lineOf({ level, message, context }: LogRecord): string {
  const facts = Object.entries(context)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [new Date().toISOString(), level.toUpperCase().padEnd(5), message, ...facts].join(' ');
}

const redaction = createRedaction();
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

process.exitCode = await runProgram({
  env: process.env,
  logger: createLogger((record) => process.stdout.write(redaction.apply(`${lineOf(record)}\n`))),
  clock: systemClock({ keepAlive: true }),
  random: systemRandom(),
  redaction,
  signal: stopping.signal,
});
