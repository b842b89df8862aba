import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi } from '../api/kube-api.ts';
import type { KubeObject, ResourceType } from '../objects.ts';

/** A change of what is kept. `gone` gives the last thing seen. */
export type ListWatchChange<Kept> =
  | { readonly type: 'seen'; readonly name: string; readonly object: Kept }
  | { readonly type: 'gone'; readonly name: string; readonly object: Kept };

export interface ListWatchOptions<T extends KubeObject, Kept> {
  readonly api: KubeApi;
  readonly type: ResourceType<T>;
  readonly namespace: string;
  readonly labelSelector: string;
  /** The part of an object worth keeping. Called for each; what it does not keep can be collected. */
  readonly keep: (object: T) => Kept;
  /** One handler for the whole life, however often the connection is made anew. Called after the cache changed. */
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
  /** Seconds for which one watch is asked for; the server ends it then and it is begun anew without a list. Default 300. */
  readonly watchSeconds?: number;
}

/** For metrics. Called synchronously, must not throw. */
export interface ListWatchObserver {
  listed?(count: number): void;
  /** `why`: `ended`, `expired`, `silent`, `failed`. */
  reconnecting?(why: string, delayMs: number): void;
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
  /** Wall-clock time at which the cache was last known to be complete; 0 before the first list. */
  freshAt(): number;
  /** Runs until the signal is aborted, then resolves. Call it once. */
  run(signal: AbortSignal): Promise<void>;
}
