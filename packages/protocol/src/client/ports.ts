import type { Clock, Logger, Random, RunnerError } from '@runner/core';
import type { CloseCode } from '../close-codes.ts';
import type {
  Hello,
  RunStart,
  Role,
  Welcome,
  WireDiagnosis,
  WireObservation,
  WireSecretCheck,
  WireSlots,
} from '../messages.ts';
import type { Socket } from '../socket.ts';

/** Opens one socket; rejects with a RunnerError that says in words why not (DNS, TLS, proxy, 401, wrong subprotocol). */
export type Dial = (signal: AbortSignal) => Promise<Socket>;

/** What an agent is told. Handlers must not throw; long work is theirs to start and own. */
export interface AgentHandlers {
  /** A session began, or the role of this instance changed. Losing `active` means: create nothing more, at once. */
  session(session: SessionInfo): void;
  /**
   * The session ended, or another attempt to open one failed; everything the control plane holds open is settled by the
   * next level.
   */
  disconnected(end: SessionEnd): void;
  /**
   * Make this run exist. Answer with `accepted`, `refused`, `waiting` or `cancelled`. Its slot must be taken before this
   * returns: the slots sent afterwards count it as seen.
   */
  start(run: RunStart): void;
  cancel(runId: string, reason: string | undefined): void;
  /** A whole level. Answer with `report`. Nothing is ever created because of it. */
  level(level: Level): void;
  endingAcknowledged(runId: string): void;
  /** The outcomes of these runs are stored. */
  recorded(runIds: readonly string[]): void;
  discard(runId: string): void;
  /** A log is wanted. Write to the stream; it ends by `end`, by the control plane, or with the session (`signal`). */
  logStream(stream: AgentLogStream): void;
  /**
   * Read these references as workloads would. Answer with `secretsChecked`, always. Asked only of agents that list the
   * capability `secrets.check`.
   */
  checkSecrets?(check: SecretsCheck): void;
}

export interface SecretsCheck {
  readonly checkId: string;
  readonly references: readonly string[];
}

/** What became of a check: one result for each reference, or why there are none. Never a value. */
export interface SecretsChecked {
  readonly results: readonly WireSecretCheck[];
  readonly problem?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface SessionInfo {
  readonly role: Role;
  readonly epoch: number;
  readonly reason: string | undefined;
  readonly welcome: Welcome;
}

export interface SessionEnd {
  readonly code: number;
  readonly reason: string;
  /** Known codes of this protocol. */
  readonly known: CloseCode | undefined;
  /** Why the connection could not be opened. Absent when a socket was open. */
  readonly error?: RunnerError;
  /** Milliseconds until the next try; absent when there will be none. */
  readonly retryInMs?: number;
}

export interface LevelRun {
  readonly runId: string;
  readonly want: 'run' | 'cancel';
  readonly accepted: boolean;
}

export interface Level {
  readonly levelId: string;
  readonly epoch: number;
  readonly runs: readonly LevelRun[];
}

/** One log stream under credit. */
export interface AgentLogStream {
  readonly streamId: string;
  readonly runId: string;
  readonly fromByte: number;
  readonly follow: boolean;
  /** Aborted when the control plane closed the stream or the session ended. */
  readonly signal: AbortSignal;
  /**
   * Sends one chunk (at most 64 KiB of `data`); resolves when there is credit for the next one and the socket's buffer
   * is not full. Never rejects: after the stream ended it resolves at once.
   */
  chunk(chunk: { rawFrom: number; rawTo: number; data: string; continued?: boolean }): Promise<void>;
  gap(rawFrom: number, rawTo: number): void;
  end(rawTo: number, reason: 'complete' | 'not_found' | 'unavailable' | 'lagging', message?: string): void;
}

/** How an agent speaks. Frames about runs carry the current epoch; without an active session they are dropped: the next level repairs it. */
export interface AgentLink {
  accepted(runId: string, created: boolean, observation: WireObservation): void;
  refused(runId: string, problem: { code: string; message: string; hint?: string }): void;
  waiting(runId: string, problem: { code: string; message: string; hint?: string }): void;
  cancelled(runId: string): void;
  observed(observation: WireObservation): void;
  ending(runId: string, reason: 'start_deadline' | 'permanent_failure', diagnosis?: WireDiagnosis): void;
  /** Answers a level, paged. Dropped when the session of that level is gone. */
  report(levelId: string, observations: readonly WireObservation[]): void;
  slots(slots: Omit<WireSlots, 'startsSeen'>): void;
  draining(): void;
  /** Answers a check of references. */
  secretsChecked(checkId: string, answer: SecretsChecked): void;
}

export interface ConnectOptions {
  readonly dial: Dial;
  /** Read at each connection, so that slots are current. `startsSeen` is filled in by the session. */
  readonly hello: () => Omit<Hello, 'type' | 'minor' | 'slots'> & { readonly slots: Omit<WireSlots, 'startsSeen'> };
  readonly handlers: AgentHandlers;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** Floor of the back-off, milliseconds. Default 5,000 (`RECONNECT_DELAY_SECONDS`). */
  readonly reconnectFloorMs?: number;
  /** Cap of the back-off, milliseconds. Default 60,000. */
  readonly reconnectCapMs?: number;
  readonly observer?: ClientObserver;
}

/** For metrics; called synchronously, must not throw. */
export interface ClientObserver {
  frameSent?(type: string, bytes: number): void;
  frameReceived?(type: string, bytes: number): void;
  connected?(role: Role): void;
  disconnected?(code: number): void;
  /** There was no socket to close: it could not be opened, or the hello could not be said. The code is that of the error. */
  failed?(code: string): void;
  connecting?(attempt: number): void;
  /** Seconds between a ping and its pong. */
  roundTrip?(seconds: number): void;
  /** A frame was ignored on purpose, or not sent because nobody would have listened; see `IgnoredReason`. */
  ignored?(reason: IgnoredReason): void;
}

/**
 * `unknown_type`: an optional frame of a newer version. `stale_epoch`: said under an earlier promotion, `unknown_epoch`
 * under one this instance has not been told of (the session then ends with 4400). `not_active`: meant for the active instance, which this one is not.
 * `unknown_stream`: the log stream had ended. `unsent`: something was said without an active session; the next level
 * repairs it. `invalid`: it could not be put into a valid frame (an error line says why).
 */
export type IgnoredReason =
  'unknown_type' | 'stale_epoch' | 'unknown_epoch' | 'not_active' | 'unknown_stream' | 'unsent' | 'invalid';

export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface AgentConnection {
  readonly link: AgentLink;
  readonly state: ConnectionState;
  readonly session: SessionInfo | undefined;
  /** Epoch milliseconds of the last frame heard. */
  readonly lastHeardAt: number | undefined;
  /** Dials now instead of after the present wait, because its cause may be gone; nothing happens in any other state. */
  retryNow(): void;
  /** Says `draining`, waits until what was said has left (or the signal is aborted), closes, and never connects again. */
  close(signal?: AbortSignal): Promise<void>;
  /** Resolves when the connection is closed for good. */
  readonly closed: Promise<void>;
}
