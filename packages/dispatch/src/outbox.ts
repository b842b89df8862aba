import type { Logger } from '@runner/core';
import type { DispatchObserver, Reporter } from './ports.ts';
import type { Session } from './session.ts';

/**
 * The one door to the reporter. What belongs to a session that is over is not said: the link would put the present
 * epoch on it, and an answer of a dead epoch must not look like one of this.
 */
export interface Outbox {
  /** Returns whether it was said. */
  say(session: Session | undefined, what: (reporter: Reporter) => void): boolean;
}

export function createOutbox(
  reporter: Reporter,
  options: { readonly logger: Logger; readonly observer: DispatchObserver },
): Outbox {
  return {
    say: (session, what) => {
      if (session === undefined || session.signal.aborted) return false;
      try {
        what(reporter);
        return true;
      } catch (error) {
        options.observer.impossible?.('reporter_threw');
        options.logger.error('the reporter threw; the next level repairs what was not said', { error });
        return false;
      }
    },
  };
}
