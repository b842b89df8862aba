/** What executors share whose workloads are an object and its pods (Jobs, Workflows). */
export { isAborted } from './aborted.ts';
export {
  ANNOTATIONS,
  intentOf,
  intentText,
  kindOf,
  parsedObject,
  pipelineTypeOf,
  runAnnotations,
  runIdOf,
} from './annotations.ts';
export type { StoredIntent } from './annotations.ts';
export { asExecutorError, reasonOf } from './errors.ts';
export type { ErrorWords } from './errors.ts';
export { eventNotes } from './event-notes.ts';
export type { EventNotes } from './event-notes.ts';
export { EventReading } from './event-reading.ts';
export type { EventReadingOptions } from './event-reading.ts';
export { gate } from './gate.ts';
export type { Gate } from './gate.ts';
export { defined, keepEvent, keepMeta, keepPod, podKeeper } from './kept.ts';
export type { PodKeeper } from './kept.ts';
export { readLogTail } from './log-tail.ts';
export type { LogTailParts } from './log-tail.ts';
export { nodeNotes } from './node-notes.ts';
export type { NodeNotes } from './node-notes.ts';
export { observation, operation } from './operation.ts';
export type { OperationParts } from './operation.ts';
export { describePermission } from './permissions.ts';
export type { Permission } from './permissions.ts';
export { missingPermission, shortTtlFindings, standingFindings } from './preflight.ts';
export type { StandingInput } from './preflight.ts';
export { causalPod, deletionAt, exitOfPod, plainExit, signalOf, tellingCause } from './pod-exit.ts';
export type { PodExit } from './pod-exit.ts';
export { beganAt, hasBegun, isLeaving, isLivePod, older, oldest, ownerOf, timeOf } from './pod-facts.ts';
export { freshAtOf, runCache } from './run-cache.ts';
export type { RunCache, RunCacheOptions, Watched } from './run-cache.ts';
export {
  PROBE_TTL_SECONDS,
  endOfProbe,
  podOfProbe,
  probeContainer,
  probeLabels,
  probeMessage,
  probeRun,
  probeSight,
} from './probe.ts';
export type { ProbeParts, ProbeRun, ProbeSight, StartedProbe } from './probe.ts';
export { RunEyes } from './run-eyes.ts';
export type { RunEyesParts } from './run-eyes.ts';
export { logOfRun } from './run-log.ts';
export type { LogTurn, RunLogParts } from './run-log.ts';
export { isFailure, noted, ownerSelector, runSelector } from './run-sight.ts';
export type { RunAttendant, RunSight, RunView } from './run-sight.ts';
export { watchRuns } from './run-watch.ts';
export type { RunWatchOptions } from './run-watch.ts';
export { mainStatus } from '../diagnose/main-container.ts';
export { endLivePods } from './loose-pods.ts';
export { refuseStranger, submissionOf } from './strangers.ts';
