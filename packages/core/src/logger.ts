import { isRunnerError, messageOf } from './errors.ts';
import { redactText } from './redaction.ts';
import { isSecret } from './secret.ts';

/** Facts that stand beside a sentence. Values may be Secrets: they print `[redacted]`. */
export type LogContext = Readonly<Record<string, unknown>>;

/**
 * Where sentences go. Libraries are given one and never own the console. Messages are constant sentences; what varies
 * is context.
 */
export interface Logger {
  debug(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  warn(message: string, context?: LogContext): void;
  error(message: string, context?: LogContext): void;
  /** The same logger with more context on every line. */
  child(context: LogContext): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly context: LogContext;
}

/** A Logger over one function; context is composed and every text in it redacted before the sink sees it. */
export function createLogger(sink: (record: LogRecord) => void, context: LogContext = {}): Logger {
  const write =
    (level: LogLevel) =>
    (message: string, extra?: LogContext): void => {
      sink({ level, message: redactText(message), context: safeContext({ ...context, ...extra }) });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (extra) => createLogger(sink, { ...context, ...extra }),
  };
}

/** Says nothing. The default of every library option. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

const MAX_DEPTH = 6;

/** A context as plain JSON: errors without cycles, secrets without values, texts redacted. */
export function safeContext(context: LogContext): LogContext {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(context)) out[key] = safeValue(value, 0);
  return out;
}

function safeValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (isSecret(value)) return '[redacted]';
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (value instanceof Error || isRunnerError(value)) return safeError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (Array.isArray(value)) return value.slice(0, 100).map((item: unknown) => safeValue(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 100)
      .map(([key, item]: [string, unknown]) => [key, safeValue(item, depth + 1)]),
  );
}

function safeError(error: Error, depth: number): Record<string, unknown> {
  const { cause } = error;
  return {
    ...(isRunnerError(error) ? { code: error.code } : { name: error.name }),
    message: redactText(messageOf(error)),
    ...(isRunnerError(error) && error.hint !== undefined ? { hint: redactText(error.hint) } : {}),
    ...(isRunnerError(error) && Object.keys(error.details).length > 0
      ? { details: safeValue(error.details, depth + 1) }
      : {}),
    ...(cause === undefined ? {} : { cause: safeValue(cause, depth + 1) }),
  };
}
