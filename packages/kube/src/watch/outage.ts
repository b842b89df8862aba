import type { Logger } from '@runner/core';
import { isRunnerError, toRunnerError } from '@runner/core';

/** Says once that something fails, once more when it fails in another way, and once that it works again. */
export interface Outage {
  failed(error: unknown): void;
  healthy(): void;
}

export function createOutage(logger: Logger, sentences: { readonly failed: string; readonly healthy: string }): Outage {
  let kinds = new Set<string>();
  return {
    failed: (error) => {
      const kind = isRunnerError(error) ? error.code : 'internal';
      if (kinds.has(kind)) return;
      kinds.add(kind);
      logger.warn(sentences.failed, { error: toRunnerError(error) });
    },
    healthy: () => {
      if (kinds.size === 0) return;
      kinds = new Set();
      logger.info(sentences.healthy);
    },
  };
}

/** Retry-After of a failed call, in milliseconds. */
export function retryAfterMs(error: unknown): number | undefined {
  const seconds = isRunnerError(error) ? error.details['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1_000 : undefined;
}
