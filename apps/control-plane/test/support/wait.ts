/** Waits until `condition` gives something other than undefined or false; fails in words after `deadlineMs`. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 20_000,
): Promise<Exclude<T, undefined | false>> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    if (performance.now() > until) throw new Error(`it did not come to pass within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
