import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '@runner/core';
import type { Faults, Reachable } from './faults.ts';
import type { Kind } from './kinds.ts';
import { Refusal, tooOld } from './refusal.ts';
import type { Wanted } from './request.ts';
import { fieldMatch, labelMatch } from './selectors.ts';
import type { Change, ObjectStore } from './store.ts';
import type { Json, Stored } from './stored.ts';

export interface WatchingOptions {
  readonly store: ObjectStore;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly bookmarkMs: number;
}

/** Without `timeoutSeconds` the real one takes 30 to 60 minutes. */
const DEFAULT_SECONDS = 1800;

interface Sent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Json;
}

/** Serves one watch until it times out, breaks, or the client goes. The selectors were checked before the first byte. */
export function watch(options: WatchingOptions, kind: Kind, request: Wanted, response: ServerResponse): void {
  const { query } = request;
  const labels = labelMatch(query.get('labelSelector') ?? undefined);
  const fields = fieldMatch(kind, query.get('fieldSelector') ?? undefined);
  const matches = (object: Stored | undefined): boolean =>
    object !== undefined &&
    (request.namespace === undefined || object.metadata.namespace === request.namespace) &&
    labels(object) &&
    fields(object);
  const from = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(from)) {
    const value = JSON.stringify(from);
    const message = `resourceVersion: Invalid value: ${value}: strconv.ParseUint: parsing ${value}: invalid syntax`;
    throw new Refusal(500, undefined, message);
  }
  new OpenWatch(options, kind, request, response, matches).begin(from === '' ? 0 : Number(from));
}

/** One connection. */
class OpenWatch implements Reachable {
  readonly aim: { readonly verb: string; readonly resource: string };
  readonly #options: WatchingOptions;
  readonly #kind: Kind;
  readonly #request: Wanted;
  readonly #response: ServerResponse;
  readonly #matches: (object: Stored | undefined) => boolean;
  readonly #timers = new Set<Timer>();
  readonly #ends: (() => void)[] = [];
  #seen = 0;
  #muted = false;
  #over = false;

  constructor(
    options: WatchingOptions,
    kind: Kind,
    request: Wanted,
    response: ServerResponse,
    matches: (object: Stored | undefined) => boolean,
  ) {
    this.aim = { verb: 'watch', resource: request.resource };
    this.#options = options;
    this.#kind = kind;
    this.#request = request;
    this.#response = response;
    this.#matches = matches;
  }

  begin(from: number): void {
    const { store, faults } = this.#options;
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
    this.#response.on('close', () => this.#close());
    this.#ends.push(faults.opened(this));
    if (!this.#sendPast(from)) return;
    this.#seen = Math.max(from, store.version);
    this.#ends.push(store.listen((change) => this.#changed(change)));
    const { query } = this.#request;
    const seconds = Number(query.get('timeoutSeconds') ?? DEFAULT_SECONDS) || DEFAULT_SECONDS;
    const bookmarks = ['1', 'true'].includes(query.get('allowWatchBookmarks') ?? '');
    this.#after(seconds * 1000, () => {
      if (bookmarks) this.#bookmark();
      if (!this.#muted) this.#response.end();
      this.#close();
    });
    if (bookmarks) this.#bookmarkRegularly();
  }

  cut(): void {
    this.#response.socket?.destroy();
    this.#close();
  }

  /** As when the way back is lost: the connection stays, nothing comes any more, and nothing is made up for later. */
  mute(): void {
    this.#muted = true;
  }

  expire(): void {
    this.#fail(tooOld(this.#seen, this.#options.store.version));
  }

  /** What happened since; all that stands where no version is named. False when that is forgotten. */
  #sendPast(from: number): boolean {
    const { store } = this.#options;
    if (from === 0) {
      for (const object of store.list(this.#kind, this.#request.namespace)) {
        if (this.#matches(object)) this.#send({ type: 'ADDED', object: object as unknown as Json });
      }
      return true;
    }
    const past = store.since(this.#kind, from);
    if (past === undefined) {
      this.#fail(tooOld(from, store.oldest(this.#kind)));
      return false;
    }
    for (const change of past) this.#pass(change);
    return true;
  }

  #changed(change: Change): void {
    if (change.kind !== this.#kind || change.version <= this.#seen) return;
    this.#pass(change);
  }

  /** An object that comes into what is selected is added, one that leaves it is deleted. */
  #pass(change: Change): void {
    this.#seen = change.version;
    const before = change.type !== 'ADDED' && this.#matches(change.previous);
    const now = change.type !== 'DELETED' && this.#matches(change.object);
    if (!before && !now) return;
    const type = now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED';
    const event: Sent = { type, object: change.object as unknown as Json };
    const { faults } = this.#options;
    const late = faults.stands(this.aim, 'late_events');
    const twice = faults.stands(this.aim, 'duplicate_events') !== undefined;
    const send = (): void => {
      this.#send(event);
      if (twice) this.#send(event);
    };
    if (late === undefined) send();
    else this.#after(late.byMs, send);
  }

  #bookmark(): void {
    const { store } = this.#options;
    this.#seen = Math.max(this.#seen, store.version);
    const { apiVersion, kind } = this.#kind;
    this.#send({ type: 'BOOKMARK', object: { kind, apiVersion, metadata: { resourceVersion: String(this.#seen) } } });
  }

  #bookmarkRegularly(): void {
    this.#after(this.#options.bookmarkMs, () => {
      // A bookmark must not overtake an event that is late.
      if (this.#options.faults.stands(this.aim, 'late_events') === undefined) this.#bookmark();
      this.#bookmarkRegularly();
    });
  }

  #send(event: Sent): void {
    if (!this.#muted && !this.#over) this.#response.write(`${JSON.stringify(event)}\n`);
  }

  #fail(refusal: Refusal): void {
    this.#send({ type: 'ERROR', object: refusal.body() });
    if (!this.#muted) this.#response.end();
    this.#close();
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      if (!this.#over) run();
    });
    this.#timers.add(timer);
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) timer.cancel();
    for (const end of this.#ends) end();
  }
}
