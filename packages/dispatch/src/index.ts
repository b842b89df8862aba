/** Level 3: the pipeline a command walks: dedupe, policy, limiter, executor, reporter. */
export { createDispatcher } from './dispatcher.ts';
export { RECORDED_REMEMBERED } from './assembly.ts';
export { CANCELS_REMEMBERED } from './cancelling.ts';
export { PERMANENT_GRACE_MS } from './endings.ts';
export type { DispatchErrorCode } from './errors.ts';
export { FAULT_POINTS } from './fault-points.ts';
export type { FaultHook, FaultPoint } from './fault-points.ts';
export { IMPOSSIBLE_EVENTS } from './ports.ts';
export type {
  Activation,
  DispatchObserver,
  DispatchSnapshot,
  Dispatcher,
  DispatcherOptions,
  EndingReason,
  ExecutorOperation,
  FinishedEvent,
  FinishedResult,
  ImpossibleEvent,
  LevelRun,
  Limits,
  PendingRuns,
  Policy,
  PolicyVerdict,
  Problem,
  Reporter,
  RunConnection,
  SlotCount,
  Slots,
  StageEvent,
} from './ports.ts';
