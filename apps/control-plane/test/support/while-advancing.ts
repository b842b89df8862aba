import type { TestClock } from '@runner/core/testing';

const MOST_STEPS = 20_000;

/**
 * Moves time on, step by step, until something that also needs turns of the real event loop (cryptography, sockets) has
 * settled. Fails when it never does.
 */
export async function whileAdvancing<T>(clock: TestClock, stepMs: number, pending: Promise<T>): Promise<T> {
  const state = { settled: false };
  const watched = pending.finally(() => {
    state.settled = true;
  });
  for (let step = 0; !state.settled; step += 1) {
    if (step >= MOST_STEPS) throw new Error(`not settled after ${MOST_STEPS} steps of ${stepMs} ms`);
    await clock.advance(stepMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return watched;
}
