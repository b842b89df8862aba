/**
 * One error class for the whole system. Callers branch on `code`, never on prose, and never with `instanceof`:
 * two copies of this package may be loaded in one process, so identity is a registered symbol.
 */

const BRAND = Symbol.for('@runner/core/RunnerError');

export interface RunnerErrorOptions {
  /** What went wrong underneath. Kept as is, never flattened into the message. */
  readonly cause?: unknown;
  /** Whether the same call may succeed later without anybody changing anything. Default false. */
  readonly retryable?: boolean;
  /** Facts for a log line or an API answer. Never a secret value. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** How to fix it, as a sentence for the operator. */
  readonly hint?: string;
}

/**
 * An error with a stable code. Codes are `snake_case`, are listed in the README of the package that throws them, and
 * never change their meaning.
 */
export class RunnerError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: RunnerErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'RunnerError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    this.hint = options.hint;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Safe for logs and answers: no stack, no cause chain, no cycles. */
  toJSON(): { code: string; message: string; retryable: boolean; hint?: string; details?: unknown } {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
    };
  }
}

/** True for a RunnerError of any copy of this package; with `code`, only for that code. */
export function isRunnerError(value: unknown, code?: string): value is RunnerError {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Record<symbol, unknown>)[BRAND] === true &&
    (code === undefined || (value as RunnerError).code === code)
  );
}

/**
 * Whatever was thrown, as a RunnerError. Used at borders, where foreign errors become ours.
 * @param code the code to give a value that has none
 */
export function toRunnerError(value: unknown, code = 'internal'): RunnerError {
  if (isRunnerError(value)) return value;
  return new RunnerError(code, messageOf(value), { cause: value });
}

/** A one-line message of anything that was thrown; never throws itself. */
export function messageOf(value: unknown): string {
  try {
    if (value instanceof Error) return value.message || value.name;
    if (typeof value === 'string') return value;
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return value.message;
    }
    return Object.prototype.toString.call(value);
  } catch {
    return 'unreadable error';
  }
}

/** True when `error` says that the caller's own signal was aborted. */
export function isAbort(error: unknown): boolean {
  if (isRunnerError(error, 'aborted')) return true;
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'AbortError';
}

/** The error every abortable wait of this project rejects with. */
export function abortError(signal?: AbortSignal): RunnerError {
  return new RunnerError('aborted', 'the operation was aborted', { cause: signal?.reason });
}
