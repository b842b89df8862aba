import { inspect } from 'node:util';

const BRAND = Symbol.for('@runner/core/Secret');
const REDACTED = '[redacted]';

/**
 * A value that must not be printed. `reveal()` is the only way to it; toString, JSON, inspect, template strings and
 * spreading show `[redacted]` or nothing.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The value itself, for the last moment before it is used. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** True for a Secret of any copy of this package. */
export function isSecret(value: unknown): value is Secret<unknown> {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}
