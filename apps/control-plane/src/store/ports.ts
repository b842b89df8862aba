import type { AgentBook, Bus, RunBook, WireSecretCheck } from '@runner/protocol/server';
import type { EntityStore } from './ports/entities.ts';
import type { LogStore } from './ports/logs.ts';
import type { ProgressStore } from './ports/progress.ts';
import type { RunnerStore } from './ports/runners.ts';
import type { RunStore } from './ports/runs.ts';
import type { SettingsStore } from './ports/settings.ts';
import type { SlotStore } from './ports/slots.ts';
import type { StatusStore } from './ports/statuses.ts';
import type { TokenStore } from './ports/tokens.ts';

export type { Entity, EntityKind, EntityQuery, EntityStore, Page } from './ports/entities.ts';
export type { JsonObject } from './ports/json.ts';
export type { LogPage, LogPiece, LogSource, LogStore } from './ports/logs.ts';
export type { ProgressRow, ProgressStore } from './ports/progress.ts';
export type { RunnerInfo, RunnerRow, RunnerStore } from './ports/runners.ts';
export type { NewRun, RunRow, RunStore } from './ports/runs.ts';
export type { SettingsStore } from './ports/settings.ts';
export type { SlotStore } from './ports/slots.ts';
export type { StatusRow, StatusStore } from './ports/statuses.ts';
export type { TokenRole, TokenRow, TokenStore } from './ports/tokens.ts';

/**
 * What the control plane keeps. PostgreSQL is the only implementation of the product; the ports exist so that routes,
 * scheduler and gateway can be read and tested without SQL. Every method is one transaction; all reject with
 * `store_unavailable` (retryable) when the database is away.
 */
export interface Store {
  readonly settings: SettingsStore;
  readonly entities: EntityStore;
  readonly runs: RunStore;
  readonly statuses: StatusStore;
  readonly progress: ProgressStore;
  readonly logs: LogStore;
  readonly tokens: TokenStore;
  readonly runners: RunnerStore;
  readonly slots: SlotStore;
  /** For the bridge. */
  readonly runBook: RunBook;
  readonly agentBook: AgentBook;
  readonly bus: Bus;
  /** News between the replicas of this control plane that are no business of the bridge. */
  readonly signals: Signals;
  /** Rejects when the database does not answer; for readiness. */
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export type SignalEvent =
  /** New text was stored for this run, or its log was closed. */
  | { readonly kind: 'log'; readonly runId: string }
  /** A token or a runner was revoked: close its sockets wherever they are. */
  | { readonly kind: 'revoked'; readonly agentId?: string; readonly tokenId?: string }
  /** Whoever has this agent shall have references read; never a value. */
  | {
      readonly kind: 'secretsAsked';
      readonly checkId: string;
      readonly agentId: string;
      readonly references: readonly string[];
    }
  /** What became of it: one event for each reference, or one that says why there are none. */
  | {
      readonly kind: 'secretsAnswered';
      readonly checkId: string;
      readonly answer:
        | { readonly kind: 'result'; readonly index: number; readonly result: WireSecretCheck }
        | {
            readonly kind: 'problem';
            readonly problem: { readonly code: string; readonly message: string; readonly hint?: string };
          }
        | { readonly kind: 'not_supported' };
    };

/** Delivered to this process too. May be lost while the database is away; whoever listens looks again on `gap`. */
export interface Signals {
  publish(event: SignalEvent): Promise<void>;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: SignalEvent) => void, gap: () => void): () => void;
}
