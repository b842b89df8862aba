import type { Clock } from '@runner/core';
import { kubeError } from '../errors.ts';

/** Reads a text file; rejects as node:fs does. */
export type ReadFile = (path: string) => Promise<string>;

/** How long a token is used before its file is looked at again. Kubelets renew it when a fifth of its life is left. */
const REREAD_MS = 60_000;

export interface TokenFile {
  /** The token. With `refresh` the file is read now, whenever that was last done. */
  token(refresh: boolean): Promise<string>;
}

/**
 * A bearer token that others renew in a file. While the file cannot be read, the token that is known goes on being used.
 */
export function tokenFile(path: string, readFile: ReadFile, clock: Clock): TokenFile {
  let known: string | undefined;
  let readAt = 0;
  let reading: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    try {
      known = checkedToken(await readFile(path), path);
    } catch (error) {
      if (known === undefined) throw asConfigError(path, error);
    }
    readAt = clock.monotonic();
    return known;
  };
  return {
    token: (refresh) => {
      if (known !== undefined && !refresh && clock.monotonic() - readAt < REREAD_MS) return Promise.resolve(known);
      // Callers that come at the same moment share one reading.
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

/** A token that fits into a header. The value is never part of the message. */
export function checkedToken(text: string, where: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw kubeError('kube_config_invalid', token === '' ? `${where} is empty` : `${where} does not hold a token`, {
    hint: 'It must hold one bearer token: a single line without blanks.',
  });
}

function asConfigError(path: string, error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('syscall' in error)) return error;
  return kubeError('kube_config_invalid', `the token file ${path} cannot be read`, {
    cause: error,
    hint: 'Check that it exists and that this process may read it.',
  });
}
