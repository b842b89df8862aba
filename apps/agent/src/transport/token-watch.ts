import type { Clock, Component } from '@runner/core';
import { isAbort } from '@runner/core';
import type { Agent } from '../agent.ts';
import type { TokenSource } from './token-source.ts';

export interface TokenWatchOptions {
  readonly agent: Pick<Agent, 'status' | 'retryNow'>;
  readonly token: Pick<TokenSource, 'changed'>;
  readonly clock: Clock;
}

/** Often enough for a person who waits; mounted secrets tell nobody when they change. */
const LOOK_EVERY_MS = 1_000;

/** Connects as soon as somebody has put another token into the file, instead of a minute after the refusal of the last. */
export function createTokenWatch({ agent, token, clock }: TokenWatchOptions): Component {
  const stopping = new AbortController();
  let watching: Promise<void> | undefined;
  const watch = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(LOOK_EVERY_MS, stopping.signal);
      if (agent.status().connection === 'waiting' && (await token.changed())) agent.retryNow();
    }
  };
  return {
    name: 'token file',
    start: () => {
      watching = watch().catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      });
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}
