import { isAbort } from '@runner/core';
import type { Clock, Component, Logger } from '@runner/core';
import type { Executor, PreflightFinding } from '@runner/executor';
import type { SecretPreflight } from './secret-preflight.ts';
import { secretFindings } from './secret-preflight.ts';

/** What is not known by then is told when it is: an executor that does not answer must not keep the agent from connecting. */
const WAIT_MS = 5_000;

const LEVELS = { warning: 'warn', error: 'error' } as const;

/** The executor's life: looked at when it starts, closed when it stops. */
export function executorComponent(
  executor: Executor,
  clock: Clock,
  logger: Logger,
  secret?: SecretPreflight,
): Component {
  const leaving = new AbortController();
  let looking: Promise<void> | undefined;
  return {
    name: 'executor',
    start: async (signal) => {
      const over = new AbortController();
      looking = preflight(executor, logger, AbortSignal.any([signal, leaving.signal]), secret);
      const patience = clock.sleep(WAIT_MS, AbortSignal.any([signal, over.signal])).catch(() => undefined);
      await Promise.race([looking, patience]);
      over.abort();
    },
    stop: async () => {
      leaving.abort();
      await looking;
      await executor.close();
    },
  };
}

/** Says at the start what the executor lacks. It goes on all the same: what is missing may come, and runs say it too. */
export async function preflight(
  executor: Executor,
  logger: Logger,
  signal: AbortSignal,
  secret?: SecretPreflight,
): Promise<void> {
  try {
    for (const finding of await executor.preflight(signal)) tell(finding, logger);
    if (secret === undefined) return;
    for (const finding of await secretFindings(secret, signal)) tell(finding, logger, 'info');
  } catch (error) {
    if (!isAbort(error)) logger.error('the executor could not be looked at', { error });
  }
}

/** @param ok who asked for something wants to hear that it is well, too */
function tell({ level, code, message, hint }: PreflightFinding, logger: Logger, ok: 'debug' | 'info' = 'debug'): void {
  logger[level === 'ok' ? ok : LEVELS[level]](`preflight: ${message}`, {
    code,
    ...(hint === undefined ? {} : { hint }),
  });
}
