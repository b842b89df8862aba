/** setTimeout fires at once beyond this; deadlines may be a year. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls back after `ms` of monotonic time. The supervisor uses the system's timers directly: it is started as a process
 * of its own, where nobody could give it a Clock, and imports no other package.
 *
 * @returns the function that calls it off
 */
export function after(ms: number, callback: () => void): () => void {
  let handle: NodeJS.Timeout;
  const arm = (rest: number): void => {
    handle = setTimeout(() => (rest > LONGEST_MS ? arm(rest - LONGEST_MS) : callback()), Math.min(rest, LONGEST_MS));
  };
  arm(Math.max(0, ms));
  return () => clearTimeout(handle);
}

export async function pause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => void after(ms, resolve));
}
