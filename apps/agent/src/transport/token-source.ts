import { Secret, messageOf } from '@runner/core';
import type { Clock, Logger } from '@runner/core';
import type { TokenConfig } from '../config/token.ts';
import { tokenError, tokenExpiry, tokenProblem } from '../config/token.ts';

export interface TokenSourceOptions {
  readonly token: TokenConfig;
  readonly audience: string | undefined;
  /** Reads a file as text. */
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TokenSource {
  /** The token for the next connection. Rejects with its problem in words, before anything is sent. */
  next(): Promise<Secret>;
  /** Epoch milliseconds at which the last token expires; undefined: never, or not known. */
  expiresAt(): number | undefined;
  /** Whether the file holds another token than the last one; never for a token that is no file. */
  changed(): Promise<boolean>;
}

/**
 * A token from a file is read again for each connection, so that a renewed one is used without a restart; while the file
 * cannot be read (it is just being replaced), the last one serves.
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
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
  const next = async (): Promise<Secret> => {
    if (token.file !== undefined) {
      const read = await current(token.file);
      if (read.reveal() !== last.reveal()) logger.info('the token was replaced', { path: token.file });
      last = read;
    }
    const problem = tokenProblem(last.reveal(), { now: clock.now(), audience });
    if (problem !== undefined) throw tokenError(problem);
    return last;
  };
  const changed = async (): Promise<boolean> => {
    if (token.file === undefined) return false;
    // What cannot be read is told by the next connection.
    const text = (await readFile(token.file).catch(() => '')).trim();
    return text !== '' && text !== last.reveal();
  };
  return { next, expiresAt: () => tokenExpiry(last.reveal()), changed };
}
