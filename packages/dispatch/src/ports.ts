import type { BackoffOptions, Clock, Logger, Random } from '@runner/core';
import type { Diagnosis, DiagnosisCategory, Executor, JsonObject, Observation, RunSpec } from '@runner/executor';
import type { FaultHook } from './fault-points.ts';

/** Everything dispatch asks of others and offers to them, in domain words. The agent translates from and to the wire. */

// --- policy ----------------------------------------------------------------------------------------------------------

/** The service connection of a run: references only. For the policy's eyes; never handed to the workload. */
export interface RunConnection {
  readonly type: string;
  readonly value: JsonObject;
}

/** Why something is not done, or not yet. `code` is stable `snake_case`; texts never hold a secret value. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export type PolicyVerdict = { readonly verdict: 'allow' } | ({ readonly verdict: 'refuse' } & Problem);

/**
 * The customer's own limits on what a control plane may ask. Asked once for every start that may create a workload,
 * before a slot is taken. A policy that throws refuses (`policy_failed`): in doubt nothing is created.
 */
export interface Policy {
  check(spec: RunSpec, connection: RunConnection | undefined): PolicyVerdict | Promise<PolicyVerdict>;
}

// --- limits ----------------------------------------------------------------------------------------------------------

/** How many workloads may stand at once: altogether, and for pipeline types that have a cap of their own. */
export interface Limits {
  readonly total: number;
  readonly types?: Readonly<Record<string, number>>;
}

export interface SlotCount {
  readonly total: number;
  readonly free: number;
}

/** What the agent would take now. Starts that were received but have no workload yet are counted as taken. */
export interface Slots extends SlotCount {
  readonly types: Readonly<Record<string, SlotCount>>;
}

// --- reporter --------------------------------------------------------------------------------------------------------

/**
 * Where answers go; the agent implements it over its link. Called synchronously, only while active, must not throw.
 * Nothing here is delivered for certain: the next level repairs what was lost.
 */
export interface Reporter {
  /** Only ever the answer to a start: the workload exists. `created` false: it stood already and was adopted. */
  accepted(runId: string, created: boolean, observation: Observation): void;
  /** The customer's side will never run this. Terminal. */
  refused(runId: string, problem: Problem): void;
  /** It cannot run just now; tried again by itself. Said once for each change of `code`, and to each repeated start. */
  waiting(runId: string, problem: Problem): void;
  /** A cancel won: nothing exists for this run and nothing will be created. */
  cancelled(runId: string): void;
  /** What is seen of a run has changed; strays included. */
  observed(observation: Observation): void;
  /** The run is about to be ended from here; answered by `endingAcknowledged`, or gone ahead without after a bounded wait. */
  ending(runId: string, reason: EndingReason, diagnosis: Diagnosis | undefined): void;
  /** `slots()` gives other numbers than before. */
  slotsChanged(): void;
}

/** Why the agent ends a run by itself. */
export type EndingReason = 'start_deadline' | 'permanent_failure';

// --- the dispatcher --------------------------------------------------------------------------------------------------

/** One run of a level: what the control plane holds open and what it wants of it. */
export interface LevelRun {
  readonly runId: string;
  readonly want: 'run' | 'cancel';
  readonly accepted: boolean;
}

/** Under which control plane, and since which promotion, this process may create workloads. */
export interface Activation {
  readonly controlPlaneId: string;
  readonly epoch: number;
}

/**
 * Takes the commands of the control plane and answers them through the reporter. No method throws or rejects, except
 * where it says so.
 */
export interface Dispatcher {
  /**
   * This instance is the active one. Each call with another control plane or epoch is a new session: commands of the
   * former are abandoned, remembered cancels are forgotten.
   */
  activate(activation: Activation): void;
  /** Connected but not active (standby, blocked): the executor is watched, nothing is created, ended or reported. */
  standby(session: { readonly controlPlaneId: string }, reason: string): void;
  /** The session or the role is lost. Creation stops at once; the watch of the last control plane stays warm. */
  deactivate(reason: string): void;

  /** Makes the run's workload exist, once. Answered exactly once by accepted, refused or cancelled while the session lasts. */
  start(spec: RunSpec, connection?: RunConnection): void;
  /** Ends the run where it stands. Wins over its start in either order. Repeating it is harmless. */
  cancel(runId: string, reason: string | undefined): void;
  /**
   * One observation for each run of the level, then those of strays. `absent` only where a fresh list that began in
   * this session lacks the run and asking by name says so too, or where the executor has proven it without, and for runs that
   * await their start also where it is not found; whatever is less sure is `unknown`.
   */
  level(runs: readonly LevelRun[]): Promise<readonly Observation[]>;
  endingAcknowledged(runId: string): void;
  /**
   * The outcomes of these runs are stored: they are forgotten here and not reported as strays again in this session.
   * Records that would stay for ever (`lingers`) are discarded.
   */
  recorded(runIds: readonly string[]): void;
  /** Removes the record of an ended workload. Does nothing while it lives. */
  discard(runId: string): void;

  slots(): Slots;
  snapshot(): DispatchSnapshot;
  /**
   * No new workloads from now on: starts are answered `waiting` (`draining`), slots are 0. Resolves when submits under
   * way were answered and endings under way were stored, or when the signal is aborted. Workloads live on.
   */
  drain(signal?: AbortSignal): Promise<void>;
  /** Stops watching, abandons everything, leaves no timer behind. Workloads live on; the executor is not closed. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Runs whose program has not begun, by category of their diagnosis, `none` where there is none. */
export type PendingRuns = Readonly<
  Partial<Record<DiagnosisCategory | 'none', { readonly runs: number; readonly longestSeconds: number }>>
>;

export interface DispatchSnapshot {
  readonly active: boolean;
  readonly epoch: number | undefined;
  readonly draining: boolean;
  readonly slots: Slots;
  /** Starts received and not yet answered for good. */
  readonly inFlight: number;
  /** Of those, how many wait for which reason. */
  readonly waiting: Readonly<Record<string, number>>;
  /**
   * Workloads that stand and whose program has not begun, by category of their diagnosis (`none`: none yet), and how long
   * the longest of them has waited, time in which it was held back not counted.
   */
  readonly pending: PendingRuns;
  /** Workloads seen that are not over. */
  readonly live: number;
  /** Ended workloads whose outcome is not known to be recorded. */
  readonly unrecorded: number;
  /** Remembered so that it is not done or said again: cancels of this session, recorded runs. */
  readonly remembered: { readonly cancels: number; readonly recorded: number };
  readonly watch: {
    readonly state: 'off' | 'watching' | 'failing';
    readonly problem?: { readonly code: string; readonly message: string };
  };
}

export interface DispatcherOptions {
  readonly executor: Executor;
  readonly agentId: string;
  readonly limits: Limits;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: allows everything. */
  readonly policy?: Policy;
  readonly logger?: Logger;
  readonly observer?: DispatchObserver;
  /**
   * Seconds a workload of this pipeline type may wait before its program starts, by this process's own clock and not
   * counting time in which it is suspended. `Infinity`: no limit.
   */
  readonly startDeadlineSeconds: (pipelineType: string) => number;
  /**
   * Milliseconds a permanent diagnosis may last before the run is ended, by category. Default: image 120,000 (a tag that
   * is just being pushed), every other 30,000.
   */
  readonly permanentGraceMs?: Readonly<Partial<Record<DiagnosisCategory | 'default', number>>>;
  /** How long `ending` waits for its acknowledgement before the workload is ended without. Default 30,000. */
  readonly endingAckMs?: number;
  /** Delays between tries of a submit (or end) that failed for now. Default 1,000 to 30,000, full jitter. */
  readonly retry?: BackoffOptions;
  /** The longest one executor call may take before it counts as failed for now. Default 60,000. */
  readonly callTimeoutMs?: number;
  /** The longest reading a level may take; what is not known by then is `unknown`. Default 45,000. */
  readonly levelTimeoutMs?: number;
  /** For tests that kill the process at each step. */
  readonly faultPoint?: FaultHook;
}

export type ExecutorOperation = 'submit' | 'end' | 'observe' | 'list' | 'discard';

/** Things that cannot happen. A count other than zero is a bug, here or on the other side of the wire. */
export const IMPOSSIBLE_EVENTS = [
  'start_while_inactive',
  'slot_underflow',
  'reporter_threw',
  'fault_hook_threw',
  'task_failed',
] as const;
export type ImpossibleEvent = (typeof IMPOSSIBLE_EVENTS)[number];

/** For metrics; called synchronously, must not throw. Durations are seconds of the monotonic clock. */
export interface DispatchObserver {
  /** A start frame arrived; `joined` when the run was in flight already. */
  received?(run: { readonly runId: string; readonly pipelineType: string; readonly joined: boolean }): void;
  accepted?(run: StageEvent & { readonly created: boolean }): void;
  /** The program began; seconds since accepted. Only for runs accepted by this process. */
  started?(run: StageEvent): void;
  /** The workload is over. */
  finished?(run: FinishedEvent): void;
  /** The outcome was handed to the reporter; seconds since it was seen. */
  reported?(run: StageEvent): void;
  refused?(code: string, runId: string): void;
  waiting?(code: string): void;
  cancelled?(runId: string): void;
  ending?(reason: EndingReason): void;
  executorCall?(operation: ExecutorOperation, seconds: number, ok: boolean): void;
  impossible?(event: ImpossibleEvent): void;
}

export interface StageEvent {
  readonly runId: string;
  readonly pipelineType: string;
  readonly seconds: number;
}

export interface FinishedEvent extends Omit<StageEvent, 'seconds'> {
  /** How long its program ran, where known. */
  readonly seconds?: number;
  readonly result: FinishedResult;
  /** Code of the diagnosis of the outcome, where there is one. */
  readonly diagnosis?: string;
}

export type FinishedResult = 'succeeded' | 'failed' | 'cancelled';
