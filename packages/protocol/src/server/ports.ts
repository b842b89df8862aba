import type { Clock, Logger, Random } from '@runner/core';
import type { Hello, RunStart, Timings, WireDiagnosis, WireObservation, WireOutcome } from '../messages.ts';
import type { Socket } from '../socket.ts';
import type { SecretsAnswer } from './secret-checks.ts';

export type RunState =
  | 'queued'
  | 'accepted'
  | 'pending'
  | 'running'
  | 'cancelling'
  | 'succeeded'
  | 'partiallySucceeded'
  | 'failed'
  | 'cancelled'
  | 'refused'
  | 'lost';

/** Who wrote the current state; a higher rank beats a lower one in either order of arrival (main > exit step > runner > control plane). */
export type WrittenBy = 'main' | 'exitStep' | 'runner' | 'controlPlane';

/**
 * What the bridge keeps of one run. The embedding service stores it; `reduceRun` alone decides how it changes.
 */
export interface RunRecord {
  readonly runId: string;
  readonly agentId: string;
  readonly state: RunState;
  readonly want: 'run' | 'cancel';
  /** A start was sent at least once. */
  readonly offered: boolean;
  /** The agent said that the workload exists. */
  readonly accepted: boolean;
  /** Scope under which it was accepted; only evidence from that scope may say that it is gone. */
  readonly scopeId?: string;
  readonly writtenBy: WrittenBy;
  readonly priority: number;
  readonly pipelineType: string;
  /** Epoch milliseconds. */
  readonly queuedAt: number;
  readonly acceptedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly deadlineSeconds: number;
  readonly workload?: { readonly kind: string; readonly name: string; readonly uid: string };
  /** Why it waits, or why it ended as it did. */
  readonly diagnosis?: WireDiagnosis;
  readonly outcome?: WireOutcome;
  /** More exact than the state: `abandoned`, `runner_unavailable`, a refusal's code. */
  readonly reason?: string;
  /**
   * When it became certain that nothing of this run executes any more (ended, proven absent, refused, never made). A
   * closed row without it may still have a living workload: `main` said `success` before it left, or the row was abandoned.
   */
  readonly goneAt?: number;
}

/** The store of runs, as far as the bridge needs one. Every call is a transaction of its own. */
export interface RunBook {
  /**
   * Runs of this agent that are not closed, and closed ones that are still wanted to be cancelled while a workload may
   * live: those for which `concernsAgent(row, now)` holds.
   */
  open(agentId: string): Promise<readonly RunRecord[]>;
  get(runId: string): Promise<RunRecord | undefined>;
  /**
   * Reads the row, lets `change` decide, writes it: atomically. `undefined` from `change` leaves it as it is. A row that
   * does not exist yet is `undefined`: returning a record then creates it (an adopted stray). `change` is pure and may be
   * called again when two updates meet. `after` is the row as it stands afterwards, also when nothing was changed.
   */
  update(
    runId: string,
    change: (row: RunRecord | undefined) => RunRecord | undefined,
  ): Promise<{ readonly before: RunRecord | undefined; readonly after: RunRecord | undefined }>;
  /** What to send for a start; the same run token each time. Undefined: it cannot be built any more (pipeline deleted). */
  start(runId: string): Promise<RunStart | undefined>;
}

/** One connected instance as the agent book sees it. */
export interface InstanceClaim {
  readonly agentId: string;
  readonly instanceId: string;
  readonly sessionId: string;
  /** Which control-plane process holds the socket. */
  readonly replicaId: string;
  readonly scopeId: string;
}

export type ClaimAnswer =
  | { readonly role: 'active'; readonly epoch: number }
  | {
      readonly role: 'standby' | 'blocked';
      readonly epoch: number;
      readonly reason: string;
      /** When asking again may help, in milliseconds: what is left of the holder's lease. Default: the bridge asks every 2 s. */
      readonly retryInMs?: number;
    };

/**
 * Who is active for an agentId, across all control-plane processes. Each promotion raises the epoch, which never goes
 * back, not even after a restart.
 */
export interface AgentBook {
  /**
   * Asks to be active. Granted when nobody is, when the holder is the same instance, or when the holder's lease has run
   * out and no run is open in another scope than the rival's; otherwise standby (same scope) or blocked (other scope).
   * Each grant to another session raises the epoch; asking again for the session that holds it answers the same epoch.
   */
  claim(claim: InstanceClaim, leaseMs: number): Promise<ClaimAnswer>;
  /** Extends the lease of the active session; false when it is not the holder any more. */
  renew(claim: InstanceClaim, leaseMs: number): Promise<boolean>;
  /**
   * `renew` for many sessions in one go; returns the session ids that still hold their activity. Without it the bridge
   * calls `renew` for each, which costs a store thousands of calls a second with ten thousand agents.
   */
  renewMany?(claims: readonly InstanceClaim[], leaseMs: number): Promise<ReadonlySet<string>>;
  /** Gives the activity up, so that a standby can have it at once. */
  release(claim: InstanceClaim): Promise<void>;
}

/**
 * Tells other control-plane processes that something changed. Messages may be lost; levels repair it.
 * `challenge`: a rival waits, the holder shall prove that its agent lives. `released`: the activity is free.
 */
export interface Bus {
  publish(event: BusEvent): Promise<void>;
  /** Returns the function that ends the subscription. `gap` is called whenever events may have been missed. */
  subscribe(listener: (event: BusEvent) => void, gap: () => void): () => void;
}
export type BusEvent =
  | { readonly kind: 'runs'; readonly agentId: string }
  | { readonly kind: 'challenge'; readonly agentId: string }
  | { readonly kind: 'released'; readonly agentId: string };

/** What the bridge found out before the upgrade: who is at the other end. */
export interface AgentIdentity {
  /** For logs and audit; never the token. */
  readonly subject: string;
  /** Whether this identity may speak as that agent. Undefined list = any agentId (an unbound bot token). */
  readonly agentIds?: readonly string[];
}

export interface BridgeOptions {
  readonly runs: RunBook;
  readonly agents: AgentBook;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** UUID of the store; workloads carry it. */
  readonly controlPlaneId: string;
  readonly replicaId: string;
  readonly openMetadataVersion?: () => string | undefined;
  /** Defaults: heartbeat 15 s, silence 40 s. */
  readonly timings?: Timings;
  /** Default 60 s, jittered ± 20 %. */
  readonly levelIntervalMs?: number;
  /** How long an activity outlives the last sign of its replica. Default 12 s; renewed three times in it. */
  readonly leaseMs?: number;
  /** Deadline of a row made for a workload that had none (the store was restored), in seconds. Default 7,200. */
  readonly adoptedDeadlineSeconds?: number;
  readonly observer?: BridgeObserver;
}

/** For metrics, registration and the streams of a UI. Called synchronously; must not throw. */
export interface BridgeObserver {
  connected?(agent: ConnectedAgent): void;
  changed?(agent: ConnectedAgent): void;
  disconnected?(agent: ConnectedAgent, code: number, reason: string): void;
  runChanged?(before: RunRecord | undefined, after: RunRecord): void;
  frameReceived?(type: string, bytes: number): void;
  frameSent?(type: string, bytes: number): void;
  /** A frame was ignored on purpose: `stale_epoch`, `not_active`, `unknown_stream`, … */
  ignored?(reason: string): void;
}

export interface ConnectedAgent {
  readonly agentId: string;
  readonly instanceId: string;
  readonly sessionId: string;
  readonly role: 'active' | 'standby' | 'blocked';
  readonly epoch: number;
  readonly hello: Hello;
  readonly identity: AgentIdentity;
  readonly connectedAt: number;
  readonly lastSeenAt: number;
  readonly draining: boolean;
}

export interface LogReadOptions {
  readonly runId: string;
  readonly fromByte: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

export type LogPiece =
  | {
      readonly kind: 'chunk';
      readonly rawFrom: number;
      readonly rawTo: number;
      readonly data: string;
      readonly continued: boolean;
    }
  | { readonly kind: 'gap'; readonly rawFrom: number; readonly rawTo: number }
  | { readonly kind: 'end'; readonly rawTo: number; readonly reason: string; readonly message?: string };

/** The server half of the protocol, for any Node service. */
export interface Bridge {
  /** Takes over an authenticated socket. */
  accept(socket: Socket, identity: AgentIdentity): void;
  /** Something about this agent's runs changed in the store (new run, cancel): act on it, here or on another replica. */
  nudge(agentId: string): void;
  /** Instances connected to this process. */
  connected(agentId?: string): readonly ConnectedAgent[];
  /** Reads a run's log from the active session of its agent. Ends with an `end` piece; `lagging`, `session` and `unavailable` mean: come back later from `rawTo`. */
  readLog(agentId: string, options: LogReadOptions): AsyncIterable<LogPiece>;
  /**
   * Has references read where this agent's workloads run (1 to 10 of them, each of at most 512 characters); the answer
   * holds no values. It may take minutes: a pod may have to be scheduled. Rejects when the signal is aborted.
   */
  checkSecrets(agentId: string, references: readonly string[], signal: AbortSignal): Promise<SecretsAnswer>;
  /** Closes all sockets of an agent, e.g. after its token was revoked. */
  disconnect(agentId: string, reason: 'revoked' | 'normal', match?: (agent: ConnectedAgent) => boolean): void;
  /** Asks the agent to remove the record of an ended workload. */
  discard(agentId: string, runId: string): void;
  /** Closes every socket with `going_away`, waits for work under way. */
  close(signal?: AbortSignal): Promise<void>;
}

/** What an agent's frame says about one run; the input of `reduceRun`. */
export type Evidence =
  | {
      readonly kind: 'accepted';
      readonly created: boolean;
      readonly observation: WireObservation;
      readonly scopeId: string;
    }
  | {
      readonly kind: 'observed';
      readonly observation: WireObservation;
      readonly scopeId: string;
      /**
       * For answers to a level: whether that level said `accepted` of the run. An absence that was found before the run
       * was accepted, and arrives after it, proves nothing.
       */
      readonly levelAccepted?: boolean;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly hint?: string }
  | { readonly kind: 'waiting'; readonly code: string; readonly message: string; readonly hint?: string }
  /** Nothing of the run stands in this scope, and nothing will be created. */
  | { readonly kind: 'cancelled'; readonly scopeId: string }
  | {
      readonly kind: 'ending';
      readonly reason: 'start_deadline' | 'permanent_failure';
      readonly diagnosis?: WireDiagnosis;
    };
