/** Level 0: what every other package stands on. Imports nothing of ours. */
export { RunnerError, abortError, isAbort, isRunnerError, messageOf, toRunnerError } from './errors.ts';
export type { RunnerErrorOptions } from './errors.ts';
export { sleepWith, systemClock } from './clock.ts';
export type { Clock, SystemClockOptions, Timer } from './clock.ts';
export { systemRandom } from './random.ts';
export type { Random } from './random.ts';
export { untilAborted } from './until-aborted.ts';
export { errorChain, networkTrouble, retryAfterMs } from './network-trouble.ts';
export type { NetworkTrouble } from './network-trouble.ts';
export { backoffDelay, retry } from './backoff.ts';
export type { BackoffOptions, RetryOptions } from './backoff.ts';
export { createLogger, safeContext, silentLogger } from './logger.ts';
export type { LogContext, LogLevel, LogRecord, Logger } from './logger.ts';
export { Secret, isSecret } from './secret.ts';
export { redactText } from './redaction.ts';
export { createLifecycle } from './lifecycle.ts';
export type { Component, Lifecycle, LifecycleState } from './lifecycle.ts';
