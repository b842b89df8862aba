import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until the condition holds; fails after so long with what was waited for. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it did not happen within ${withinMs} ms: ${what}`);
    await sleep(20);
  }
}
