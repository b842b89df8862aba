#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { isRunnerError, messageOf } from '@runner/core';
import { destination } from 'pino';
import { startControlPlane } from './compose.ts';
import type { Config } from './config.ts';
import { parseConfig } from './config.ts';
import { pinoLogger } from './process/logging.ts';

/** sysexits.h: something is wrong with the configuration; starting again does not help. */
const EXIT_CONFIG = 78;

function readConfig(): Config {
  try {
    return parseConfig(process.env);
  } catch (error) {
    const problems = isRunnerError(error, 'config_invalid') ? error.details['problems'] : undefined;
    for (const problem of Array.isArray(problems) ? problems : [messageOf(error)]) {
      process.stderr.write(`${String(problem)}\n`);
    }
    process.exit(EXIT_CONFIG);
  }
}

/** Once, and only to a person at a terminal: what goes to a file or a collector is no place for a token. */
function showOnce(path: string): void {
  if (!process.stdout.isTTY) return;
  process.stdout.write(
    `The first administrator's token, shown this once and kept in ${path}:\n${readFileSync(path, 'utf8')}`,
  );
}

const config = readConfig();
// Written at once: the last lines before an exit are the ones that matter.
const logger = pinoLogger(config.logLevel, destination({ dest: 1, sync: true }));

process.on('uncaughtException', (error) => {
  logger.error('a fault that nobody caught', { error, stack: error.stack });
  process.exit(1);
});

let stopping = false;
let stop: (() => Promise<void>) | undefined;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info('stopping', { signal });
    // Before it is ready: the last moment of the process stops what was started.
    if (stop === undefined) process.exit(0);
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error('stopping failed', { error });
        process.exit(1);
      },
    );
  });
}

try {
  const controlPlane = await startControlPlane(config, { logger, firstAdminToken: showOnce });
  stop = () => controlPlane.stop();
} catch (error) {
  logger.error('the control plane could not start', { error });
  process.exit(1);
}
