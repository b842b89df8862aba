export { executorError } from './errors.ts';
export type { ExecutorErrorCode } from './errors.ts';
export type {
  EndIntent,
  Executor,
  ExecutorScope,
  ListResult,
  LogChunk,
  LogGap,
  LogOptions,
  PreflightFinding,
  SubmitResult,
} from './executor.ts';
export { isEnded, isLive } from './observation.ts';
export type {
  AbsentObservation,
  Diagnosis,
  DiagnosisCategory,
  Observation,
  Outcome,
  PresentObservation,
  UnknownObservation,
  WorkloadPhase,
  WorkloadRef,
} from './observation.ts';
export type { JsonObject, JsonValue, RunKind, RunSpec, WorkloadOwner } from './run-spec.ts';
