import type { Clock, Random } from '@runner/core';
import type { Kind } from './kinds.ts';
import { Refusal, badRequest } from './refusal.ts';
import type { Wanted } from './request.ts';
import { fieldMatch, labelMatch } from './selectors.ts';
import type { ObjectStore } from './store.ts';
import type { Json, Stored } from './stored.ts';

interface Snapshot {
  readonly version: string;
  readonly objects: readonly Stored[];
  readonly expiresAt: number;
}

const MOST_SNAPSHOTS = 200;
const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

export interface ListsOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** For how long a list may be continued. */
  readonly pageTokenMs: number;
}

/** Lists; those in pages show the objects as they were at the first page. */
export class Lists {
  readonly #options: ListsOptions;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(options: ListsOptions) {
    this.#options = options;
  }

  /** The body as text: big lists are never built twice. */
  list(kind: Kind, request: Wanted): string {
    const { query } = request;
    const limit = this.#limit(query.get('limit'));
    const token = query.get('continue') ?? '';
    if (token !== '') return this.#continued(kind, token, limit);
    const { store } = this.#options;
    const labels = labelMatch(query.get('labelSelector') ?? undefined);
    const fields = fieldMatch(kind, query.get('fieldSelector') ?? undefined);
    const objects = store.list(kind, request.namespace).filter((object) => labels(object) && fields(object));
    return this.#page(kind, objects, String(store.version), 0, limit);
  }

  /** No list that was begun may be continued. */
  forget(): void {
    this.#snapshots.clear();
  }

  #limit(text: string | null): number {
    if (text === null || text === '') return Infinity;
    if (!/^\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text) === 0 ? Infinity : Number(text);
  }

  #continued(kind: Kind, token: string, limit: number): string {
    const [id = '', from = ''] = Buffer.from(token, 'base64url').toString('utf8').split('/');
    if (!/^\d+$/.test(from)) throw badRequest('invalid continue token: continue key is not valid');
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined || snapshot.expiresAt < this.#options.clock.monotonic()) {
      throw new Refusal(410, 'Expired', TOO_OLD);
    }
    return this.#page(kind, snapshot.objects, snapshot.version, Number(from), limit, id);
  }

  #page(kind: Kind, objects: readonly Stored[], version: string, from: number, limit: number, known?: string): string {
    const to = Math.min(objects.length, from + limit);
    const metadata: Record<string, unknown> = { resourceVersion: version };
    if (to < objects.length) {
      const id = known ?? this.#remember(objects, version);
      metadata['continue'] = Buffer.from(`${id}/${to}`).toString('base64url');
      metadata['remainingItemCount'] = objects.length - to;
    }
    const items = objects.slice(from, to).map((object) => JSON.stringify(unnamed(object)));
    const head = JSON.stringify({ kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata });
    return `${head.slice(0, -1)},"items":[${items.join(',')}]}`;
  }

  #remember(objects: readonly Stored[], version: string): string {
    const { clock, random, pageTokenMs } = this.#options;
    const id = random.uuid();
    this.#snapshots.set(id, { version, objects, expiresAt: clock.monotonic() + pageTokenMs });
    if (this.#snapshots.size > MOST_SNAPSHOTS) {
      const oldest = this.#snapshots.keys().next().value;
      if (oldest !== undefined) this.#snapshots.delete(oldest);
    }
    return id;
  }
}

/** Items of a list do not say what they are; kinds that are defined by users do. */
function unnamed(object: Stored): Json {
  const { apiVersion, kind, ...rest } = object;
  return apiVersion.includes('.') && !apiVersion.includes('.k8s.io/') ? { apiVersion, kind, ...rest } : rest;
}
