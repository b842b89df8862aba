import type { Clock } from '@runner/core';
import type { ArgoPodLogOptions } from '../argo-api.ts';

/** A followed log that says nothing for so long is asked whether its container has ended. Argo sends lines once a second. */
const QUIET_MS = 3_000;

/**
 * The stream, until it ends or its container has ended and nothing came for a while after that was known. Argo would keep
 * it open until the exit step is done.
 */
export async function* untilEnded(
  stream: AsyncGenerator<Uint8Array>,
  { ended, signal }: ArgoPodLogOptions,
  clock: Clock,
  cut: () => void,
): AsyncGenerator<Uint8Array> {
  let over = false;
  let pending: Promise<IteratorResult<Uint8Array, unknown>> | undefined;
  try {
    for (;;) {
      pending ??= stream.next();
      const next = ended === undefined ? await pending : await orQuiet(pending, clock);
      if (next === 'quiet') {
        if (over) return;
        over = (await ended?.(signal).catch(() => false)) === true;
        continue;
      }
      pending = undefined;
      if (next.done === true) return;
      over = false;
      yield next.value;
    }
  } finally {
    // A generator that waits for bytes cannot be asked to return; cutting the connection ends it.
    cut();
    pending?.catch(() => undefined);
  }
}

async function orQuiet<T>(pending: Promise<T>, clock: Clock): Promise<T | 'quiet'> {
  let stop = (): void => undefined;
  const quiet = new Promise<'quiet'>((resolve) => {
    const timer = clock.setTimer(QUIET_MS, () => resolve('quiet'));
    stop = () => timer.cancel();
  });
  try {
    return await Promise.race([pending, quiet]);
  } finally {
    stop();
  }
}
