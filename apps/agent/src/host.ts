import type { Logger } from '@runner/core';

/** The process, as far as the agent touches it. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  on(
    event: 'SIGTERM' | 'SIGINT' | 'uncaughtException' | 'unhandledRejection',
    listener: (what: unknown) => void,
  ): unknown;
  exit(code: number): void;
  kill(pid: number, signal: 'SIGKILL'): unknown;
}

export const EXIT = { left: 0, fault: 1, misconfigured: 78 } as const;

/** The first signal resolves `first`; the second ends the process where it stands. */
export function watchSignals(host: Host, logger: Logger): { readonly first: Promise<void> } {
  let count = 0;
  const first = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      host.on(signal, () => {
        count += 1;
        if (count === 1) {
          resolve();
          return;
        }
        logger.warn('a second signal: leaving at once', { signal });
        host.exit(EXIT.fault);
      });
    }
  });
  return { first };
}

/** What nobody caught is a fault of ours: better a restart, which finds the workloads again, than a process half alive. */
export function catchFaults(host: Host, logger: Logger): void {
  const fault = (error: unknown): void => {
    logger.error('a fault nobody caught ends the agent', { error });
    host.exit(EXIT.fault);
  };
  host.on('uncaughtException', fault);
  host.on('unhandledRejection', fault);
}
