import { abortError } from '@runner/core';
import type { WireSecretCheck } from '../messages.ts';
import type { SecretsCheckedMessage, Step } from './session/step.ts';
import type { ServerSession } from './session.ts';

/** What became of a check of references. */
export type SecretsAnswer =
  | {
      readonly kind: 'answered';
      /** In the order in which they were asked for; empty when there is a problem. */
      readonly results: readonly WireSecretCheck[];
      readonly problem?: { readonly code: string; readonly message: string; readonly hint?: string };
    }
  /** The active instance of this agent is connected here and does not know how. */
  | { readonly kind: 'not_supported' }
  /** No active instance is connected to this process, or it left before it answered. */
  | { readonly kind: 'not_here' };

/** The checks of one socket that wait for their answer. */
export class SecretChecks {
  readonly #session: ServerSession;
  readonly #perform: (step: Step) => void;
  readonly #waiting = new Map<string, (answer: SecretsAnswer) => void>();
  #asked = 0;

  constructor(session: ServerSession, perform: (step: Step) => void) {
    this.#session = session;
    this.#perform = perform;
  }

  /** Rejects when aborted; an answer that comes later is dropped. */
  ask(references: readonly string[], signal: AbortSignal): Promise<SecretsAnswer> {
    if (signal.aborted) return Promise.reject(abortError(signal));
    this.#asked += 1;
    const checkId = `check-${this.#asked}`;
    const step = this.#session.checkSecrets(checkId, references);
    if (step === undefined) return Promise.resolve({ kind: 'not_supported' });
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(checkId);
        reject(abortError(signal));
      };
      this.#waiting.set(checkId, (answer) => {
        this.#waiting.delete(checkId);
        signal.removeEventListener('abort', onAbort);
        resolve(answer);
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.#perform(step);
    });
  }

  receive({ checkId, results, problem }: SecretsCheckedMessage): void {
    this.#waiting.get(checkId)?.({
      kind: 'answered',
      results,
      ...(problem === undefined ? {} : { problem: given(problem) }),
    });
  }

  /** The session ended, or this instance is not active any more. */
  endAll(): void {
    for (const settle of [...this.#waiting.values()]) settle({ kind: 'not_here' });
  }
}

type Problem = NonNullable<SecretsCheckedMessage['problem']>;

function given({ code, message, hint }: Problem): NonNullable<Extract<SecretsAnswer, { kind: 'answered' }>['problem']> {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
