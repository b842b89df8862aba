import type { RunnerError, Secret } from '@runner/core';

export interface ResolveOptions {
  /** Give up. The call to the provider goes on while somebody else waits for it. */
  readonly signal?: AbortSignal;
}

/** The answer for one of several references. */
export type SecretResolution =
  | { readonly reference: string; readonly ok: true; readonly value: Secret }
  | { readonly reference: string; readonly ok: false; readonly error: RunnerError };
