import { abortError, untilAborted } from '@runner/core';
import { secretError, shownId } from '../errors.ts';
import type { FetchedSecret, SecretProvider } from '../provider.ts';
import { secretText } from '../provider.ts';
import { idProblems, malformedId } from '../reference.ts';

/** A provider without a store, whose every answer a test decides. */
export interface MemoryProvider extends SecretProvider {
  set(id: string, value: string | Uint8Array): void;
  delete(id: string): void;
  /** The next answers for this id, in order; afterwards it answers as usual. */
  fail(id: string, ...errors: readonly Error[]): void;
  /** Holds every answer back until the returned function is called. With `deaf`, not even an aborted signal ends the wait. */
  hold(options?: { readonly deaf?: boolean }): () => void;
  /** Ids asked for, in order. */
  readonly calls: readonly string[];
  /** Calls that have no answer yet. */
  readonly active: number;
  /** The most there ever were at once. */
  readonly mostActive: number;
  readonly closed: boolean;
}

export function createMemoryProvider(values: Readonly<Record<string, string | Uint8Array>> = {}): MemoryProvider {
  const stored = new Map(Object.entries(values));
  const failures = new Map<string, Error[]>();
  const calls: string[] = [];
  let held: { readonly open: Promise<void>; readonly deaf: boolean } | undefined;
  let active = 0;
  let mostActive = 0;
  let closed = false;

  const answer = (id: string): FetchedSecret => {
    const [problem] = idProblems(id);
    if (problem !== undefined) throw malformedId(id, problem, 'memory');
    const failure = failures.get(id)?.shift();
    if (failure !== undefined) throw failure;
    const value = stored.get(id);
    const about = { provider: 'memory', id, location: 'memory' };
    if (value === undefined) throw secretError('secret_not_found', `there is no secret ${shownId(id)}`, about);
    return secretText(value, about);
  };

  return {
    describe: () => ({ name: 'memory', location: 'memory' }),
    fetch: async (id, { signal }) => {
      calls.push(id);
      active += 1;
      mostActive = Math.max(mostActive, active);
      try {
        if (held !== undefined) await (held.deaf ? held.open : untilAborted(held.open, signal));
        if (signal.aborted) throw abortError(signal);
        await Promise.resolve();
        return answer(id);
      } finally {
        active -= 1;
      }
    },
    close: () => {
      closed = true;
      return Promise.resolve();
    },
    set: (id, value) => void stored.set(id, value),
    delete: (id) => void stored.delete(id),
    fail: (id, ...errors) => void failures.set(id, [...(failures.get(id) ?? []), ...errors]),
    hold: ({ deaf = false } = {}) => {
      let release: () => void = () => undefined;
      const open = new Promise<void>((resolve) => {
        release = resolve;
      });
      held = { open, deaf };
      return () => {
        held = undefined;
        release();
      };
    },
    calls,
    get active() {
      return active;
    },
    get mostActive() {
      return mostActive;
    },
    get closed() {
      return closed;
    },
  };
}
