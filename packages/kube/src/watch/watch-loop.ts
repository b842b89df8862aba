import { abortError, isAbort, isRunnerError, messageOf, silentLogger } from '@runner/core';
import type { WatchEvent } from '../api/kube-api.ts';
import type { KubeObject } from '../objects.ts';
import { openConnection } from './connection.ts';
import type { ListWatchChange, ListWatchOptions } from './list-watch.ts';
import { createOutage, retryAfterMs } from './outage.ts';
import { createReconnectPolicy } from './reconnect.ts';
import { entryOf } from './watch-cache.ts';
import type { WatchState } from './watch-state.ts';

const DEFAULTS = { silenceMs: 90_000, watchSeconds: 300 } as const;
/** How far the length of a watch is spread, as a share of it. */
const SPREAD = 0.2;

type Ending = 'ended' | 'expired' | 'silent' | 'failed';

/** What became of one watch. */
interface Watched {
  readonly ending: Ending;
  readonly progressed: boolean;
  readonly error?: unknown;
}

/** The I/O: one connection after the other, until the signal is aborted. */
export function createWatchLoop<T extends KubeObject, Kept>(
  options: ListWatchOptions<T, Kept>,
  state: WatchState<T, Kept>,
  onListed: () => void,
): (signal: AbortSignal) => Promise<void> {
  const { api, type, namespace, labelSelector, keep, clock, random, observer } = options;
  const { silenceMs = DEFAULTS.silenceMs, watchSeconds = DEFAULTS.watchSeconds } = options;
  const logger = (options.logger ?? silentLogger).child({ resource: type.plural, namespace });
  const policy = createReconnectPolicy(random);
  const outage = createOutage(logger, {
    failed: 'Cannot watch the cluster; trying again until it works.',
    healthy: 'Watching the cluster works again.',
  });

  const tell = (changes: readonly ListWatchChange<Kept>[]): void => {
    for (const change of changes) {
      try {
        options.onChange(change);
      } catch (error) {
        logger.error('The handler of a change failed; going on.', { name: change.name, error: messageOf(error) });
      }
    }
  };

  const list = async (signal: AbortSignal): Promise<void> => {
    const { items, resourceVersion } = await api.list(type, namespace, {
      labelSelector,
      keep: (object: T) => entryOf(object.metadata, keep(object)),
      signal,
    });
    if (signal.aborted) throw abortError(signal);
    const changes = state.listed(items, resourceVersion);
    observer?.listed?.(items.length);
    tell(changes);
    onListed();
  };

  const watch = async (resourceVersion: string, signal: AbortSignal): Promise<Watched> => {
    const timeoutSeconds = Math.max(1, Math.round(watchSeconds * (1 + SPREAD * (2 * random.next() - 1))));
    const open = (cut: AbortSignal): AsyncIterable<WatchEvent<T>> =>
      api.watch(type, namespace, { labelSelector, resourceVersion, timeoutSeconds, signal: cut });
    const connection = openConnection(open, clock, signal);
    let progressed = false;
    try {
      for (;;) {
        const next = await connection.next(silenceMs);
        if (next === 'silent') return { ending: 'silent', progressed };
        if (next.done === true || signal.aborted) return { ending: 'ended', progressed };
        outage.healthy();
        progressed = true;
        tell(state.took(next.value));
      }
    } catch (error) {
      return { ending: isRunnerError(error, 'kube_expired') ? 'expired' : 'failed', progressed, error };
    } finally {
      await connection.close();
    }
  };

  const attempt = async (signal: AbortSignal): Promise<void> => {
    let result: Watched = { ending: 'failed', progressed: false };
    let startedAt = clock.monotonic();
    let watching = false;
    try {
      if (state.from() === undefined) await list(signal);
      startedAt = clock.monotonic();
      watching = true;
      result = await watch(state.from() ?? '', signal);
    } catch (error) {
      result = { ...result, error };
    }
    if (signal.aborted) return;
    const { ending, progressed, error } = result;
    if (ending === 'silent') state.fellSilent();
    if (ending === 'expired') state.expired();
    if (ending === 'failed') outage.failed(error);
    const delayMs = policy.delayAfter({
      watchedMs: watching ? clock.monotonic() - startedAt : 0,
      progressed,
      failed: ending !== 'ended',
      retryAfterMs: retryAfterMs(error),
    });
    observer?.reconnecting?.(ending, delayMs);
    await clock.sleep(delayMs, signal);
  };

  return async (signal) => {
    try {
      while (!signal.aborted) await attempt(signal);
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  };
}
