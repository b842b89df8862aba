import type { StopCause } from '../records.ts';
import type { Program } from './program.ts';
import { after, pause } from './timers.ts';

/** How long after the first try the next kill is sent to what is still there. */
const KILL_AGAIN_MS = 200;

/** Stops a program, once: first by asking, after the grace by force. */
export interface Stopper {
  /** Why the program was stopped; undefined while it was not, or had ended before. */
  readonly cause: StopCause | undefined;
  /** The program exists from now on. What was asked before is done now. */
  attach(program: Program): void;
  request(cause: StopCause): void;
  /** The main process has ended: kills everything that is left of it and waits until nothing is. */
  settle(): Promise<void>;
}

export function createStopper(graceMs: number, onStop: () => void): Stopper {
  let program: Program | undefined;
  let cause: StopCause | undefined;
  let callOff = (): void => undefined;

  const force = (): void => {
    program?.kill();
    callOff = after(KILL_AGAIN_MS, force);
  };
  const apply = (): void => {
    if (program === undefined) return;
    program.terminate();
    callOff = after(graceMs, force);
  };

  return {
    get cause() {
      return cause;
    },
    attach: (started) => {
      program = started;
      if (cause !== undefined) apply();
    },
    request: (why) => {
      // What ended by itself keeps its own outcome.
      if (cause !== undefined || program?.hasEnded() === true) return;
      cause = why;
      apply();
      onStop();
    },
    settle: async () => {
      callOff();
      while (program !== undefined && program.kill() > 0) await pause(KILL_AGAIN_MS / 10);
    },
  };
}
