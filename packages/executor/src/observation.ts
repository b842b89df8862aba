/** What an executor sees of a workload now. A level, not an event: seeing it twice, late or out of order is harmless. */

export type DiagnosisCategory =
  | 'scheduling'
  | 'image'
  | 'quota'
  | 'admission'
  | 'configuration'
  | 'secret'
  | 'authentication'
  | 'version'
  | 'program'
  | 'out_of_memory'
  | 'disk'
  | 'evicted'
  | 'deadline'
  | 'node_lost'
  | 'signal'
  | 'suspended'
  | 'lost'
  | 'unknown';

/** Why a workload does not make progress, or why it ended badly. Texts never hold a secret value. */
export interface Diagnosis {
  readonly category: DiagnosisCategory;
  /** Stable, `snake_case`, more precise than the category: `image_not_found`. */
  readonly code: string;
  /** What is wrong, as one sentence for a person. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** True when waiting cannot help. */
  readonly permanent: boolean;
}

/** How a workload ended, read from the workload itself, never from a stream. */
export interface Outcome {
  readonly result: 'succeeded' | 'failed' | 'cancelled';
  readonly exitCode?: number;
  /** Name of the signal that ended the program, such as `SIGKILL`. */
  readonly signal?: string;
  readonly diagnosis?: Diagnosis;
  /** The end of the program's output, redacted, at most 500 lines; only for failures. */
  readonly logTail?: string;
}

/** Pending: exists, nothing executes yet. Ending: asked to stop, not yet verified gone. Ended: never executes again. */
export type WorkloadPhase = 'pending' | 'running' | 'ending' | 'ended';

export interface WorkloadRef {
  /** `process`, `Job`, `Workflow`, … */
  readonly kind: string;
  readonly name: string;
  /** Identity of this very object or process, so that a re-creation under the same name can be told apart. */
  readonly uid: string;
}

interface ObservationBase {
  readonly runId: string;
  /** Epoch milliseconds by the executor's clock. */
  readonly observedAt: number;
}

/** The workload exists. */
export interface PresentObservation extends ObservationBase {
  readonly presence: 'present';
  readonly workload: WorkloadRef;
  readonly phase: WorkloadPhase;
  /** Epoch milliseconds; when the main program began. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Present exactly when `phase` is `ended`. */
  readonly outcome?: Outcome;
  /** Why it waits. For ended workloads see `outcome.diagnosis`. */
  readonly diagnosis?: Diagnosis;
  /** Held back on purpose by somebody (Kueue); the start deadline does not run. */
  readonly suspended?: boolean;
  /**
   * It has ended, but in a way for which the place keeps no time to live: its record would stay for ever. Whoever knows
   * that its outcome is stored discards it.
   */
  readonly lingers?: true;
  /** What the workload needs to be counted against the limits after a restart. */
  readonly pipelineType: string;
}

/** Proven: a quorum list lacks it and asking for it by name says there is none. */
export interface AbsentObservation extends ObservationBase {
  readonly presence: 'absent';
  /** Where no list is fresh, and it was not there for so long that it counts as proven all the same. */
  readonly proven?: true;
}

/** Nothing can be said. Never the reason to end, remove or report a run. */
export interface UnknownObservation extends ObservationBase {
  readonly presence: 'unknown';
  readonly reason: string;
  /** It was not found, where that proves nothing yet. */
  readonly unproven?: true;
}

export type Observation = PresentObservation | AbsentObservation | UnknownObservation;

/** True when the workload exists and will execute (or executes) something. */
export function isLive(observation: Observation): observation is PresentObservation {
  return observation.presence === 'present' && observation.phase !== 'ended';
}

/** True when the workload exists and is over. */
export function isEnded(observation: Observation): observation is PresentObservation & { readonly outcome: Outcome } {
  return observation.presence === 'present' && observation.phase === 'ended' && observation.outcome !== undefined;
}
