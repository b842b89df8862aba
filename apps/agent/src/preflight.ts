import { isAbort } from '@runner/core';
import type { Logger } from '@runner/core';
import type { Executor, PreflightFinding } from '@runner/executor';

const LEVELS = { ok: 'debug', warning: 'warn', error: 'error' } as const;

/** Says at the start what the executor lacks. It goes on all the same: what is missing may come, and runs say it too. */
export async function preflight(executor: Executor, logger: Logger, signal: AbortSignal): Promise<void> {
  try {
    for (const finding of await executor.preflight(signal)) tell(finding, logger);
  } catch (error) {
    if (!isAbort(error)) logger.error('the executor could not be looked at', { error });
  }
}

function tell({ level, code, message, hint }: PreflightFinding, logger: Logger): void {
  logger[LEVELS[level]](`preflight: ${message}`, { code, ...(hint === undefined ? {} : { hint }) });
}
