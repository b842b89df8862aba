import type { RunnerError } from '@runner/core';
import type { Refusal } from './failures.ts';
import type { About } from './request.ts';

/** What differs between the servers that are spoken to like an API server. */
export interface Dialect {
  /** What messages and hints call it: `the API server`. */
  readonly server: string;
  /** An answer other than 2xx as the error it means; the code decides whether the call is repeated. */
  refusal(about: About, refusal: Refusal): RunnerError;
}
