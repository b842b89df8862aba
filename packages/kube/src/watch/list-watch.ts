import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi } from '../api/kube-api.ts';
import type { KubeObject, ResourceType } from '../objects.ts';
import { createMilestone } from './milestone.ts';
import { createWatchLoop } from './watch-loop.ts';
import { createWatchState } from './watch-state.ts';

/**
 * A change of what is kept. `gone` gives the last thing seen (of a deletion that was watched: the object as it was
 * deleted). Another object under the same name is a `gone` and a `seen`.
 */
export type ListWatchChange<Kept> =
  | { readonly type: 'seen'; readonly name: string; readonly object: Kept }
  | { readonly type: 'gone'; readonly name: string; readonly object: Kept };

export interface ListWatchOptions<T extends KubeObject, Kept> {
  readonly api: Pick<KubeApi, 'list' | 'watch'>;
  readonly type: ResourceType<T>;
  readonly namespace: string;
  readonly labelSelector: string;
  /** The part of an object worth keeping. Called for each; what it does not keep can be collected. Must not throw. */
  readonly keep: (object: T) => Kept;
  /**
   * One handler for the whole life, however often the connection is made anew. Called after the cache changed. What it
   * throws is logged, and the watch goes on.
   */
  readonly onChange: (change: ListWatchChange<Kept>) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  readonly observer?: ListWatchObserver;
  /**
   * Milliseconds without an event or bookmark after which a watch is held to be dead and begun anew. Default 90,000: API
   * servers send bookmarks about every minute.
   */
  readonly silenceMs?: number;
  /**
   * Seconds for which one watch is asked for, give or take a fifth so that watches do not end together; the server ends
   * it then and it is begun anew without a list. Default 300.
   */
  readonly watchSeconds?: number;
}

/** For metrics. Called synchronously, must not throw. */
export interface ListWatchObserver {
  listed?(count: number): void;
  /**
   * `ended`: by the server, as asked. `expired`: 410, the list is made anew. `silent`: held to be dead. `failed`: anything
   * else.
   */
  reconnecting?(why: 'ended' | 'expired' | 'silent' | 'failed', delayMs: number): void;
}

/**
 * A cache of objects kept true by list and watch. It lists, watches from there, goes on from the last bookmark when the
 * connection ends, lists again on 410 (and tells what went missing meanwhile as `gone`), notices a silent connection, and
 * reconnects at most once a second with back-off and jitter. Whatever fails, it goes on until the signal is aborted.
 */
export interface ListWatch<Kept> {
  get(name: string): Kept | undefined;
  values(): Iterable<Kept>;
  /** Resolves after the first complete list; rejects (`aborted`) when stopped before. */
  synced(signal: AbortSignal): Promise<void>;
  /** Wall-clock time (ms) at which the cache was last known to be complete; 0 before the first list. */
  freshAt(): number;
  /** Runs until the signal is aborted, then resolves. Called again it gives the same promise. */
  run(signal: AbortSignal): Promise<void>;
}

export function createListWatch<T extends KubeObject, Kept>(options: ListWatchOptions<T, Kept>): ListWatch<Kept> {
  const state = createWatchState(options.keep, () => options.clock.now());
  const synced = createMilestone();
  const loop = createWatchLoop(options, state, () => synced.reached());
  let running: Promise<void> | undefined;
  return {
    get: (name) => state.cache.get(name),
    values: () => state.cache.values(),
    synced: (signal) => synced.wait(signal),
    freshAt: () => state.freshAt(),
    run: (signal) => (running ??= loop(signal).finally(() => synced.missed())),
  };
}
