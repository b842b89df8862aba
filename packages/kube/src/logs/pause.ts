import type { Clock } from '@runner/core';

/** Even when changes come thick and fast, this long is waited (ms). */
const LEAST_MS = 100;

/** Waits `ms`, or until something changed, or the signal is aborted; never rejects. */
export async function pause(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  changed: ((signal: AbortSignal) => Promise<void>) | undefined,
): Promise<void> {
  const enough = new AbortController();
  const onAbort = (): void => enough.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  // Listened to from the beginning, so that nothing is missed. A hook that fails never wakes.
  const change = changed?.(enough.signal).catch(() => new Promise<void>(() => undefined));
  const slept = (length: number): Promise<void> => clock.sleep(length, enough.signal).catch(() => undefined);
  try {
    await slept(Math.min(ms, LEAST_MS));
    if (ms > LEAST_MS && !enough.signal.aborted)
      await Promise.race([slept(ms - LEAST_MS), ...(change ? [change] : [])]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    enough.abort();
  }
}
