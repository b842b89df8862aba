export type TokenRole = 'admin' | 'user' | 'bot' | 'runner' | 'run' | 'exitStep';

/** A token we issued. The token itself is never stored. */
export interface TokenRow {
  /** `jti`. */
  readonly id: string;
  readonly role: TokenRole;
  readonly subject: string;
  /** For `runner`: the one agentId it may speak as. */
  readonly agentId?: string;
  /** For `run` and `exitStep`. */
  readonly runId?: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}

export interface TokenStore {
  add(row: TokenRow): Promise<void>;
  get(id: string): Promise<TokenRow | undefined>;
  list(filter: { role?: TokenRole; agentId?: string }): Promise<readonly TokenRow[]>;
  revoke(id: string, at: number): Promise<boolean>;
  /** Those of these ids that were revoked or have expired before `at`; ids that were never issued here are not among them. */
  endedAmong(ids: readonly string[], at: number): Promise<readonly string[]>;
}
