import { readFileSync } from 'node:fs';
import { isRunnerError, systemClock, systemRandom } from '@runner/core';
import type { Logger } from '@runner/core';
import { destination } from 'pino';
import { compose } from './compose.ts';
import type { App } from './compose.ts';
import { loadConfig } from './config.ts';
import type { ConfigResult, Finding } from './config.ts';
import { faultPointOf } from './fault-point.ts';
import { EXIT, catchFaults, watchSignals } from './host.ts';
import type { Host } from './host.ts';
import { pinoLogger } from './logging.ts';

/** Errors that a restart would only repeat. */
const MISCONFIGURED = ['executor_missing', 'kube_config_invalid', 'override_invalid'] as const;

/** The whole life of the agent, from reading the environment to its exit code. */
export async function runAgent(host: Host): Promise<number> {
  // The agent ends by its own decision only, never because nothing happens to be open.
  const clock = systemClock({ keepAlive: true });
  const result = await loadConfig(host.env, (path) => readFileSync(path, 'utf8'), clock.now());
  const logger = pinoLogger(result.ok ? result.config.logLevel : 'info', destination({ fd: 1, sync: true }));
  catchFaults(host, logger);
  tell(result, logger);
  if (!result.ok) return EXIT.misconfigured;

  const signals = watchSignals(host, logger);
  try {
    const app = await compose(result.config, {
      environment: host.env,
      clock,
      random: systemRandom(),
      logger,
      faultPoint: faultPointOf(host.env, () => host.kill(host.pid, 'SIGKILL')),
    });
    await app.start();
    await signals.first;
    await leave(app, result.config.drainMs, logger);
    return EXIT.left;
  } catch (error) {
    logger.error('the agent cannot start', { error });
    return MISCONFIGURED.some((code) => isRunnerError(error, code)) ? EXIT.misconfigured : EXIT.fault;
  }
}

async function leave(app: App, drainMs: number, logger: Logger): Promise<void> {
  logger.info('leaving: no new runs are taken, workloads live on', { withinSeconds: drainMs / 1000 });
  await app.stop(drainMs);
  logger.info('left');
}

function tell(result: ConfigResult, logger: Logger): void {
  const line = ({ variable, message, read, fix }: Finding) =>
    [`${variable} ${message}`, { variable, read, fix }] as const;
  for (const warning of result.warnings) logger.warn(...line(warning));
  if (result.ok) return;
  for (const problem of result.problems) logger.error(...line(problem));
  logger.error('the agent cannot start with this configuration', { problems: result.problems.length });
}
