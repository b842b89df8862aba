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
export { DIAGNOSIS_CATEGORIES, intendedDiagnosis, storedDiagnosis } from './intended.ts';
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
export { MAX_PROBE_MESSAGE } from './probe.ts';
export type { Probe, ProbeEnd } from './probe.ts';
export type { JsonObject, JsonValue, RunKind, RunSpec, WorkloadOwner } from './run-spec.ts';

export { EXIT_COMMAND, MAIN_CONTAINER, workloadCommand, workloadKind } from './workload/command.ts';
export { MAX_CONFIG_BYTES, configToken, escapeTemplates, exitConfig, serialiseConfig } from './workload/config.ts';
export type { ConfigSettings, ConfigWriting } from './workload/config.ts';
export { exitEnvironment, workloadEnvironment } from './workload/environment.ts';
export type { EnvironmentInput } from './workload/environment.ts';
export { RESERVED_VARIABLES, parseExtraEnvs } from './workload/extra-envs.ts';
export type { EnvVariable, ExtraEnvs } from './workload/extra-envs.ts';
export { AGENT_LABEL, CONTROL_PLANE_LABEL, RUN_ID_LABEL, ownerLabels, workloadLabels } from './workload/labels.ts';
export { labelValue, runKey, sanitizedName, workloadName } from './workload/names.ts';
export type { SettingProblem } from './workload/problem.ts';
export {
  SECRETS_MANAGER_PROVIDERS,
  secretsManagerEnvironment,
  secretsManagerFamily,
  secretsManagerPodLabels,
  secretsManagerProblems,
} from './workload/secrets-manager.ts';
export type { SecretsManagerProvider, SecretsManagerSettings } from './workload/secrets-manager.ts';
export { checkSpec, isRunId } from './workload/spec-check.ts';

export { alignedStart } from './log/align.ts';
export type { AlignedStart, ReadLog } from './log/align.ts';
export { diagnoseOutput } from './log/diagnose.ts';
export type { Redact } from './log/safe-end.ts';
export { shapeLog } from './log/shape-log.ts';
export type { ShapeLogOptions } from './log/shape-log.ts';
export { MAX_FRAME_BYTES, createLogShaper } from './log/shaper.ts';
export type { LogFrame, LogGapFrame, LogShaper, LogShaperOptions } from './log/shaper.ts';
export { LOG_TAIL_BYTES, LOG_TAIL_LINES, logTail } from './log/tail.ts';
export type { LogTailOptions } from './log/tail.ts';
