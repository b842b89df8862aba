import { Secret, messageOf } from '@runner/core';
import type { Clock, Logger } from '@runner/core';
import type { TokenConfig } from '../config/executor-choice.ts';
import { tokenError, tokenProblem } from '../config/token.ts';

export interface TokenSourceOptions {
  readonly token: TokenConfig;
  readonly audience: string | undefined;
  /** Reads a file as text. */
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The token for the next connection. One from a file is read again each time, so that a renewed token is used without a
 * restart; while the file cannot be read (it is just being replaced), the last one serves.
 * @returns a function that rejects with the token's problem in words, before anything is sent
 */
export function createTokenSource(options: TokenSourceOptions): () => Promise<Secret> {
  const { token, audience, readFile, clock, logger } = options;
  let last = token.value;
  const current = async (path: string): Promise<Secret> => {
    try {
      const text = (await readFile(path)).trim();
      if (text !== '') return new Secret(text);
      logger.warn('the token file is empty; the last token is used', { path });
    } catch (error) {
      logger.warn('the token file cannot be read; the last token is used', { path, error: messageOf(error) });
    }
    return last;
  };
  return async () => {
    if (token.file !== undefined) {
      const next = await current(token.file);
      if (next.reveal() !== last.reveal()) logger.info('the token was replaced', { path: token.file });
      last = next;
    }
    const problem = tokenProblem(last.reveal(), { now: clock.now(), audience });
    if (problem !== undefined) throw tokenError(problem);
    return last;
  };
}
