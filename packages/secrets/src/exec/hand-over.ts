import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@runner/core';
import type { Redactor } from '../redactor/redactor.ts';

/** How long nothing may come after the program's end before nothing more is waited for: somebody else holds its output. */
const QUIET_MS = 500;
const LOOK_EVERY_MS = 50;

/** Output on its way from a program to whoever reads it. */
export interface HandOver {
  /** All of it was handed on, or nobody takes it any more. */
  readonly done: Promise<void>;
  /** Since when nothing has come although it would have been taken (monotonic milliseconds); undefined while it is busy. */
  quietSince(): number | undefined;
  /** Takes no more; what is held back is handed on. */
  stop(): void;
}

/** Redacts what comes and hands it on, as fast as it is taken. */
export function handOver(from: Readable, redactor: Redactor, to: Writable, clock: Clock): HandOver {
  let lastAt = clock.monotonic();
  let held = false;
  let over = false;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  const resume = (): void => {
    held = false;
    lastAt = clock.monotonic();
    from.resume();
  };
  const end = (): void => {
    if (over) return;
    over = true;
    from.off('data', take);
    to.off('drain', resume).off('close', leave);
    if (to.destroyed) finish();
    // The callback comes when everything before it was taken, too.
    else to.write(redactor.end(), () => finish());
  };
  // A reader that went away: the program meets a closed pipe, and this process goes on.
  const leave = (): void => {
    from.destroy();
    over = true;
    finish();
  };
  const take = (chunk: Uint8Array): void => {
    lastAt = clock.monotonic();
    if (to.write(redactor.push(chunk))) return;
    held = true;
    from.pause();
  };
  from
    .on('data', take)
    .once('end', end)
    .once('close', end)
    .on('error', () => undefined);
  to.on('drain', resume).on('error', leave).once('close', leave);
  return {
    done,
    quietSince: () => (held ? undefined : lastAt),
    stop: () => {
      end();
      from.destroy();
    },
  };
}

/**
 * Waits until all output was handed on. When a process that the program left behind holds it open, what it writes is no
 * longer waited for once there was a pause.
 */
export async function settled(outputs: readonly HandOver[], clock: Clock): Promise<void> {
  const looking = new AbortController();
  const all = Promise.all(outputs.map(({ done }) => done)).then(() => looking.abort());
  const began = clock.monotonic();
  while (!looking.signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, looking.signal).catch(() => undefined);
    const quietest = Math.max(began, ...outputs.map((output) => output.quietSince() ?? Number.POSITIVE_INFINITY));
    if (clock.monotonic() - quietest >= QUIET_MS) for (const output of outputs) output.stop();
  }
  await all;
}
