import type { Kind } from './kinds.ts';
import { forbidden } from './refusal.ts';
import type { ObjectStore } from './store.ts';
import { textAt } from './stored.ts';

/** Name that messages give the quota of a namespace. */
const NAME = 'quota';

/** `most` objects of a kind in a namespace. */
export class Quotas {
  readonly #limits = new Map<string, Map<string, number>>();
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  set(namespace: string, resource: string, most: number): void {
    const limits = this.#limits.get(namespace) ?? new Map<string, number>();
    limits.set(resource, most);
    this.#limits.set(namespace, limits);
  }

  /** Throws 403 when one more would be too many. */
  admit(kind: Kind, namespace: string | undefined, name: string): void {
    const limits = this.#limits.get(namespace ?? '');
    if (limits === undefined || namespace === undefined) return;
    // `pods` counts those that are not over, `count/pods` all of them.
    const resources = kind.resource === 'pods' ? ['count/pods', 'pods'] : [`count/${kind.resource}`, kind.resource];
    for (const resource of resources) {
      const most = limits.get(resource);
      if (most === undefined) continue;
      const used = this.#store.count(
        kind,
        namespace,
        (object) => resource !== 'pods' || !['Succeeded', 'Failed'].includes(textAt(object, 'status', 'phase') ?? ''),
      );
      if (used < most) continue;
      throw forbidden(
        kind,
        name,
        `exceeded quota: ${NAME}, requested: ${resource}=1, used: ${resource}=${used}, limited: ${resource}=${most}`,
      );
    }
  }
}
