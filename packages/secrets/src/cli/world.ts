import type { Writable } from 'node:stream';
import type { RunnerError } from '@runner/core';
import type { SecretProvider } from '../provider.ts';

export type Output = Writable & { readonly isTTY?: boolean };

/** What the commands need of the process. */
export interface CommandWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Writable;
  readonly signal: AbortSignal;
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => () => void;
  /** Opens the store of this name; undefined: the one the environment names. */
  readonly openProvider: (name: string | undefined) => Promise<SecretProvider>;
}

/** An error for people. */
export function told({ code, message, hint }: RunnerError): string {
  return `${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`;
}

/** Writes a text, and resolves with the status once it is written. */
export function say(to: Writable, text: string, status: number): Promise<number> {
  return new Promise((resolve) => {
    to.write(text, () => resolve(status));
  });
}
