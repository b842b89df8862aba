import type { AgentBook, Bus, RunBook, RunRecord, RunStart } from '@runner/protocol/server';

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
  | { readonly kind: 'revoked'; readonly agentId?: string; readonly tokenId?: string };

/** Delivered to this process too. May be lost while the database is away; whoever listens looks again on `gap`. */
export interface Signals {
  publish(event: SignalEvent): Promise<void>;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: SignalEvent) => void, gap: () => void): () => void;
}

export type JsonObject = { readonly [key: string]: unknown };

// --- settings --------------------------------------------------------------------------------------------------------

/** Facts of this installation: controlPlaneId, signing keys, first start. */
export interface SettingsStore {
  get(key: string): Promise<JsonObject | undefined>;
  /** Writes `make()` only when the key does not exist; returns what stands afterwards. Safe with two replicas starting together. */
  getOrCreate(key: string, make: () => Promise<JsonObject>): Promise<JsonObject>;
  put(key: string, value: JsonObject): Promise<void>;
}

// --- entities --------------------------------------------------------------------------------------------------------

export type EntityKind =
  | 'databaseService'
  | 'dashboardService'
  | 'messagingService'
  | 'pipelineService'
  | 'mlmodelService'
  | 'metadataService'
  | 'searchService'
  | 'storageService'
  | 'apiService'
  | 'securityService'
  | 'driveService'
  | 'testConnectionDefinition'
  | 'testSuite'
  | 'ingestionPipeline'
  | 'automationWorkflow'
  | 'app'
  | 'bot';

/** An OpenMetadata entity. `json` holds the whole document as the API shows it (without masked plaintext, ever). */
export interface Entity {
  readonly id: string;
  readonly kind: EntityKind;
  readonly name: string;
  readonly fqn: string;
  /** Rises by one with each write. */
  readonly revision: number;
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly json: JsonObject;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly total: number;
  /** Cursors as OpenMetadata's `paging.after` and `paging.before`. */
  readonly after?: string;
  readonly before?: string;
}

export interface EntityQuery {
  readonly kind: EntityKind;
  readonly limit: number;
  readonly after?: string;
  readonly before?: string;
  /**
   * Exact matches on top-level JSON fields or `a.b` paths, compared as text: `{ 'service.id': … , deployed: 'true' }`.
   * The list is in order of FQN (code points), and the cursors go on from there.
   */
  readonly where?: Readonly<Record<string, string>>;
}

export interface EntityStore {
  /** Rejects with `already_exists` when kind + fqn is taken. */
  create(entity: Omit<Entity, 'revision' | 'updatedAt'>): Promise<Entity>;
  byId(kind: EntityKind, id: string): Promise<Entity | undefined>;
  byFqn(kind: EntityKind, fqn: string): Promise<Entity | undefined>;
  list(query: EntityQuery): Promise<Page<Entity>>;
  /**
   * Reads, lets `change` decide, writes: atomically, so that no update is lost. `undefined` from `change` leaves it.
   * Rejects with `not_found`, or with `conflict` when `expectedRevision` is given and does not match.
   */
  update(
    kind: EntityKind,
    id: string,
    change: (entity: Entity) => { json: JsonObject; name?: string; fqn?: string; updatedBy: string } | undefined,
    expectedRevision?: number,
  ): Promise<Entity>;
  /** False when it was not there. */
  remove(kind: EntityKind, id: string): Promise<boolean>;
}

// --- runs ------------------------------------------------------------------------------------------------------------

/** What a run is about, beside what the bridge keeps of it. */
export interface RunRow {
  readonly record: RunRecord;
  readonly kind: 'pipeline' | 'automation' | 'application';
  /** Pipeline, automation workflow or app. */
  readonly entityId: string;
  readonly entityFqn: string;
  readonly start: RunStart;
  /** `manual`, `schedule`, `retry`, `api`. */
  readonly trigger: string;
  /** Scheduled slot, epoch milliseconds. */
  readonly slot?: number;
  readonly retryOf?: string;
  readonly attempt: number;
  readonly createdBy: string;
  /** JWT ids of the run token and the exit step's token. */
  readonly runTokenId: string;
  readonly exitTokenId: string;
}

export interface NewRun extends Omit<RunRow, 'record'> {
  readonly record: RunRecord;
  /** How many open runs of this entity there may be, this one included. */
  readonly concurrency: number;
}

export type RunChange = (row: RunRow) => RunRecord | undefined;

export interface RunStore {
  /**
   * Inserts the row unless the entity has `concurrency` open runs already: then rejects with `run_in_progress` whose
   * details hold the open runId. Race-free across replicas. Publishes `runs` on the bus.
   */
  create(run: NewRun): Promise<RunRow>;
  get(runId: string): Promise<RunRow | undefined>;
  /** Newest first. */
  ofEntity(entityId: string, limit: number): Promise<readonly RunRow[]>;
  openOfEntity(entityId: string): Promise<readonly RunRow[]>;
  /** All open rows, for the clocks that close what nobody answers (abandoned, runner_unavailable) and for retries. */
  open(limit: number, afterRunId?: string): Promise<readonly RunRow[]>;
  /** Atomic read-modify-write of the record; publishes `runs` when `want` changed. */
  update(runId: string, change: RunChange): Promise<RunRow>;
  /**
   * Closed rows whose ending has not been settled (status row, retry, automation) yet, in order of runId and beginning
   * behind `afterRunId`: a row that waits for its retry stays unsettled for minutes and must not hide the others.
   */
  unsettled(limit: number, afterRunId?: string): Promise<readonly RunRow[]>;
  /**
   * With `state`: only if the run still is in that state, so that a correction (lost → succeeded) between reading and
   * marking is settled again. A later change of a closed row makes it unsettled by itself.
   */
  markSettled(runId: string, state?: RunRecord['state']): Promise<void>;
  /**
   * Accepted runs of this agent whose pulled log is not closed yet, open ones first, then newest first. Closed rows count
   * for as long as they are younger than `endedAfter`.
   */
  uncollected(agentId: string, endedAfter: number, limit: number): Promise<readonly RunRecord[]>;
  /** Removes rows of a deleted entity; refuses open ones. */
  removeOfEntity(entityId: string): Promise<void>;
}

// --- pipeline status rows ----------------------------------------------------------------------------------------------

/** OpenMetadata's PipelineStatus of one run, and who wrote it (decisions.md 8). */
export interface StatusRow {
  readonly pipelineFqn: string;
  readonly runId: string;
  /** The whole document; the PUT replaces it. */
  readonly status: JsonObject;
  readonly writtenBy: 'main' | 'exitStep' | 'runner' | 'controlPlane';
  readonly updatedAt: number;
}

export interface StatusStore {
  /** Atomic read-modify-write; creates when `change(undefined)` returns a row. */
  update(
    pipelineFqn: string,
    runId: string,
    change: (row: StatusRow | undefined) => Pick<StatusRow, 'status' | 'writtenBy'> | undefined,
  ): Promise<StatusRow | undefined>;
  get(pipelineFqn: string, runId: string): Promise<StatusRow | undefined>;
  /** Newest first by `timestamp`. */
  list(pipelineFqn: string, query: { startTs?: number; endTs?: number; limit: number }): Promise<readonly StatusRow[]>;
  remove(pipelineFqn: string, runId?: string): Promise<number>;
}

// --- progress -----------------------------------------------------------------------------------------------------------

/** The newest ProgressUpdate of a run. Only the last one is kept; readers poll, so that any replica can answer them. */
export interface ProgressRow {
  readonly runId: string;
  readonly update: JsonObject;
  /** Rises by one with each write. */
  readonly sequence: number;
  readonly updatedAt: number;
}

export interface ProgressStore {
  /** Rejects with `not_found` when the run does not exist; goes with its run. */
  put(runId: string, update: JsonObject): Promise<void>;
  get(runId: string): Promise<ProgressRow | undefined>;
}

// --- logs --------------------------------------------------------------------------------------------------------------

/** `pulled` comes from the agent, `posted` from the workload itself. */
export type LogSource = 'pulled' | 'posted';

export interface LogPiece {
  /** Raw bytes [rawFrom, rawTo) of the main program that `text` stands for. Without them the text goes behind the last one. */
  readonly rawFrom?: number;
  readonly rawTo?: number;
  readonly text: string;
}

export interface LogState {
  readonly rawTo: number;
  readonly closed: boolean;
  /** Chunks so far, those that were cut included. */
  readonly chunks: number;
}

export interface LogPage {
  /** Undefined = beyond the end. */
  readonly text: string | undefined;
  /** Chunks so far. */
  readonly total: number;
  readonly closed: boolean;
  /** Where the text came from; undefined when there is no log at all. */
  readonly source?: LogSource;
  /** This chunk was cut to keep the log within its limit; `text` is the marker. `next` is the first one after the cut. */
  readonly cut?: { readonly next: number };
}

/**
 * A run's log: text chunks of at most 983,040 bytes of UTF-8 with absolute indexes (decisions.md 17). Only the last chunk
 * grows, and only at its end. Every text is redacted before it is stored. The posted log is shown once it is closed, or
 * when nothing was pulled.
 */
export interface LogStore {
  /**
   * Appends a piece. Text before the stored raw end is dropped (a resume that overlaps), so that appending twice is
   * harmless; a hole before `rawFrom` leaves a visible mark. Returns the new raw end. Rejects with `not_found` when the
   * run does not exist. After `close` nothing is stored any more.
   */
  append(runId: string, source: LogSource, piece: LogPiece): Promise<number>;
  /** No more will come from this source. */
  close(runId: string, source: LogSource): Promise<void>;
  state(runId: string, source: LogSource): Promise<LogState | undefined>;
  /** Chunk `index` of what is shown, or of `source`. */
  read(runId: string, index: number, source?: LogSource): Promise<LogPage>;
  /** Run ids with a log, newest first. */
  runsOf(entityId: string, limit: number): Promise<readonly string[]>;
  /** Deletes logs that were last written before this instant (epoch milliseconds). Returns how many runs lost theirs. */
  expire(before: number): Promise<number>;
}

// --- tokens ------------------------------------------------------------------------------------------------------------

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

// --- runners -----------------------------------------------------------------------------------------------------------

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

// --- schedule slots ----------------------------------------------------------------------------------------------------

/** Makes a scheduled slot fire once, whatever the number of replicas. */
export interface SlotStore {
  /** True for the one caller who may fire this slot. */
  take(pipelineId: string, slot: number): Promise<boolean>;
  /** Records what came of it: `fired` with a runId, or `skipped` with why. */
  record(pipelineId: string, slot: number, result: { fired?: string; skipped?: string }): Promise<void>;
  last(pipelineId: string): Promise<{ slot: number; fired?: string; skipped?: string } | undefined>;
  history(pipelineId: string, limit: number): Promise<readonly { slot: number; fired?: string; skipped?: string }[]>;
}
