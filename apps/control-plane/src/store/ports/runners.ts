import type { JsonObject } from './json.ts';

/** An entry of Settings > Ingestion Runners. */
export interface RunnerRow {
  readonly id: string;
  /** The agentId. */
  readonly name: string;
  readonly displayName?: string;
  readonly description?: string;
  readonly kind: 'hybrid' | 'saas';
  readonly revoked: boolean;
  readonly createdAt: number;
  /** What the active (or last) instance said of itself: see `RunnerInfo`. */
  readonly info?: JsonObject;
  readonly lastSeenAt?: number;
  /** A lease of an active session has not run out. */
  readonly active: boolean;
}

/** What the gateway puts into `info` and the API shows; a JSON object as all of them, so read it with care. */
export interface RunnerInfo {
  readonly agentVersion?: string;
  readonly executor?: string;
  readonly secretsManager?: string;
  readonly capabilities?: readonly string[];
  readonly slots?: { readonly total: number; readonly free: number; readonly types?: unknown };
  readonly scope?: { readonly id: string; readonly description: string };
  readonly instanceId?: string;
}

export interface RunnerStore {
  /** Rejects with `already_exists`. */
  create(
    row: Pick<RunnerRow, 'id' | 'name' | 'kind'> & { displayName?: string; description?: string },
  ): Promise<RunnerRow>;
  /** Creates it when an unbound token speaks as a new agentId (decisions.md 12). */
  ensure(agentId: string): Promise<RunnerRow>;
  byName(name: string): Promise<RunnerRow | undefined>;
  byId(id: string): Promise<RunnerRow | undefined>;
  list(): Promise<readonly RunnerRow[]>;
  /** Names of the runners that are revoked. */
  revokedNames(): Promise<readonly string[]>;
  seen(name: string, at: number, info?: JsonObject): Promise<void>;
  /** The same for many agents in one statement. */
  seenAll(names: readonly string[], at: number): Promise<void>;
  update(id: string, change: { displayName?: string; description?: string; revoked?: boolean }): Promise<RunnerRow>;
  /** Forgets which scope this agent works in (admin's `release-scope`, decisions.md 6). */
  releaseScope(name: string): Promise<void>;
  remove(id: string): Promise<boolean>;
}
