import type { Clock } from '@runner/core';
import type { LogChunk, LogGap } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';
import { kubeError } from '../errors.ts';
import { openConnection } from '../watch/connection.ts';
import type { LogCursor } from './log-cursor.ts';

/** What became of one connection. */
export type LogConnection =
  /** The server ended it, and all of it could be used. */
  | { readonly kind: 'complete' }
  /** The server ended it, but it did not join what had been read, or stopped inside of something. */
  | { readonly kind: 'unproven' }
  /** No such pod, or nothing written yet. */
  | { readonly kind: 'absent' }
  /** Nothing came for long; it may be dead, or there is nothing to say. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface LogConnectionOptions {
  readonly api: Pick<KubeApi, 'podLog'>;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly follow: boolean;
  readonly ended: (signal: AbortSignal) => Promise<boolean>;
  readonly silenceMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How often a silent stream is thought about. */
const TICK_MS = 30_000;

/** Reads over one connection, from where the cursor stands; never throws. */
export async function* readOnce(
  options: LogConnectionOptions,
  cursor: LogCursor,
): AsyncGenerator<LogChunk | LogGap, LogConnection> {
  const { api, namespace, pod, container, follow, clock, signal } = options;
  const sinceTime = cursor.since();
  async function* open(cut: AbortSignal): AsyncGenerator<Uint8Array, 'absent' | undefined> {
    const since = sinceTime === undefined ? {} : { sinceTime };
    const asked = { container, follow, timestamps: true, ...since, signal: cut };
    const stream = await api.podLog(namespace, pod, asked);
    if (stream === undefined) return 'absent';
    yield* stream;
    return undefined;
  }
  cursor.open();
  const connection = openConnection(open, clock, signal);
  const silence = createSilence(options);
  try {
    for (;;) {
      const next = await connection.next(TICK_MS);
      if (next === 'silent') {
        const verdict = silence.tick();
        if (verdict !== undefined) return verdict;
        continue;
      }
      if (next.done === true) return next.value === 'absent' ? { kind: 'absent' } : ending(cursor);
      silence.broken();
      yield* cursor.push(next.value);
      if (cursor.foreign) return ending(cursor);
    }
  } catch (error) {
    return { kind: 'failed', error };
  } finally {
    silence.close();
    await connection.close();
  }
}

function ending({ joined, foreign }: LogCursor): LogConnection {
  return { kind: joined && !foreign ? 'complete' : 'unproven' };
}

/**
 * Judges a stream that says nothing. A container may well be quiet for hours, but the stream of one that has ended ends;
 * so that is found out beside the reading.
 */
function createSilence({ ended, follow, silenceMs, signal }: LogConnectionOptions) {
  const done = new AbortController();
  const onAbort = (): void => done.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  let quietMs = 0;
  let over = false;
  let asking = false;

  const ask = async (): Promise<void> => {
    asking = true;
    over = await ended(done.signal).catch(() => false);
    asking = false;
  };

  return {
    broken: (): void => {
      quietMs = 0;
      over = false;
    },
    tick: (): LogConnection | undefined => {
      quietMs += TICK_MS;
      if (over || !follow)
        return { kind: 'failed', error: kubeError('kube_timeout', 'the log stream has gone silent') };
      if (quietMs >= silenceMs) return { kind: 'silent' };
      if (!asking) void ask();
      return undefined;
    },
    close: (): void => {
      signal.removeEventListener('abort', onAbort);
      done.abort();
    },
  };
}
