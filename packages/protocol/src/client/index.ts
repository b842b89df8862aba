export { connect } from './connect.ts';
export type {
  AgentConnection,
  AgentHandlers,
  AgentLink,
  AgentLogStream,
  ClientObserver,
  ConnectOptions,
  ConnectionState,
  Dial,
  IgnoredReason,
  Level,
  LevelRun,
  SecretsCheck,
  SecretsChecked,
  SessionEnd,
  SessionInfo,
} from './ports.ts';
export type { SessionEffect, SessionEvent } from './session-effect.ts';
export type { SessionOptions } from './session.ts';
export { ClientSession, WELCOME_TIMEOUT_MS } from './session.ts';
export type { AgentStatement } from './statement.ts';
