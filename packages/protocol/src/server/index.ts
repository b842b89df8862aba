/** The server half: embed the bridge in any Node service, keep the runs in a store of your own. */
export type {
  AgentBook,
  AgentIdentity,
  Bridge,
  BridgeObserver,
  BridgeOptions,
  Bus,
  BusEvent,
  ClaimAnswer,
  ConnectedAgent,
  Evidence,
  InstanceClaim,
  LogPiece,
  LogReadOptions,
  RunBook,
  RunRecord,
  RunState,
  WrittenBy,
} from './ports.ts';
export { createBridge } from './bridge.ts';
export { createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from './memory-books.ts';
export type { MemoryAgentBook, MemoryBus, MemoryRunBook } from './memory-books.ts';
export { effectivePriority } from './queue-order.ts';
export { reduceRun } from './reduce-run.ts';
export type { ReduceContext } from './reduce-run.ts';
export {
  CORRECTABLE_MS,
  belongsToLevel,
  concernsAgent,
  holdsScope,
  isClosed,
  isCorrectable,
  isOverdue,
  isTerminal,
  needsCancel,
  needsStart,
  rankOf,
  stateOrder,
} from './run-states.ts';
export {
  abandon,
  failByControlPlane,
  markOffered,
  recordByExitStep,
  recordByMain,
  requestCancel,
  runnerUnavailable,
} from './run-writes.ts';
export type { WorkloadStatus } from './run-writes.ts';
export type { RunStart, WireSecretCheck } from '../messages.ts';
export type { SecretsAnswer } from './secret-checks.ts';
