import type { Secret } from '@runner/core';

export type RegistryType = 'ecr' | 'acr' | 'gar';

/** What a kubelet logs in with, for a while. */
export interface RegistryToken {
  /** Host of the registry, as images name it. */
  readonly registry: string;
  readonly username: string;
  readonly password: Secret;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Where tokens for one registry come from. */
export interface RegistryTokens {
  readonly kind: RegistryType;
  /** As whom the token is asked for, for messages. */
  readonly identity: string;
  /**
   * One try. Rejects with one of the `registry_…` errors; retryable ones may carry `details.retryAfterMs`. Ends early
   * when the signal is aborted, as far as the vendor's library lets it: whoever asks does not wait for that.
   */
  token(signal: AbortSignal): Promise<RegistryToken>;
  /** Ends its connections. Idempotent. */
  close(): void;
}
