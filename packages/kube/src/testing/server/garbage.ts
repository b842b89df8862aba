import type { Clock, Timer } from '@runner/core';
import { FOREGROUND, ORPHAN, deleteObject, withoutFinalizer } from './deletion.ts';
import type { Kind } from './kinds.ts';
import type { Change, ObjectStore } from './store.ts';
import type { Stored } from './stored.ts';
import { finalizersOf, ownersOf, without } from './stored.ts';

/** When the collector comes by for what was made for owners that nobody knows. */
const COLLECT_MS = 50;

const isBlocking = (dependent: Stored, uid: string): boolean =>
  ownersOf(dependent).some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true);

/** What belongs to nothing goes; what waits for its dependents goes after them. Follows every change of the store. */
export class GarbageCollector {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  readonly #stop: () => void;

  constructor(store: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#stop = store.listen((change) => this.#changed(change));
  }

  /** Looks at a new object whose owners are all unknown. */
  later(kind: Kind, object: Stored): void {
    const timer = this.#clock.setTimer(COLLECT_MS, () => {
      this.#timers.delete(timer);
      this.#collect(kind, object);
    });
    this.#timers.add(timer);
  }

  close(): void {
    this.#stop();
    for (const timer of this.#timers) timer.cancel();
  }

  #changed({ object, type, previous }: Change): void {
    if (type === 'DELETED') {
      for (const dependent of this.#store.dependents(object.metadata.uid))
        this.#collect(dependent.kind, dependent.object);
      for (const owner of ownersOf(object)) this.#settle(owner.uid);
      return;
    }
    const isMarked = object.metadata.deletionTimestamp !== undefined;
    if (isMarked && previous?.metadata.deletionTimestamp === undefined) this.#settle(object.metadata.uid);
  }

  /** Deletes an object that no living owner keeps. */
  #collect(kind: Kind, object: Stored): void {
    const current = this.#store.byUid(object.metadata.uid)?.object;
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) return;
    const owners = ownersOf(current);
    if (owners.length === 0) return;
    if (owners.some((owner) => this.#store.exists(owner.uid) && !this.#waits(owner.uid))) return;
    // What is waited for and has dependents itself is waited for with them.
    const awaited =
      owners.some((owner) => this.#waits(owner.uid)) && this.#store.dependents(current.metadata.uid).length > 0;
    deleteObject(this.#store, kind, current, {
      propagation: awaited ? 'Foreground' : 'Background',
      graceSeconds: undefined,
    });
  }

  #waits(uid: string): boolean {
    const owner = this.#store.byUid(uid);
    return owner !== undefined && finalizersOf(owner.object).includes(FOREGROUND);
  }

  /** Does what an object that is marked for deletion waits for. */
  #settle(uid: string): void {
    const owner = this.#store.byUid(uid);
    if (owner?.object.metadata.deletionTimestamp === undefined) return;
    const finalizers = finalizersOf(owner.object);
    if (finalizers.includes(ORPHAN)) {
      for (const { kind, object } of this.#store.dependents(uid)) this.#disown(kind, object, uid);
      this.#letGo(uid, ORPHAN);
    } else if (finalizers.includes(FOREGROUND)) {
      const blocking = this.#store.dependents(uid).filter(({ object }) => isBlocking(object, uid));
      for (const { kind, object } of blocking) this.#collect(kind, object);
      if (!this.#store.dependents(uid).some(({ object }) => isBlocking(object, uid))) this.#letGo(uid, FOREGROUND);
    }
  }

  #letGo(uid: string, finalizer: string): void {
    const owner = this.#store.byUid(uid);
    if (owner !== undefined) withoutFinalizer(this.#store, owner.kind, owner.object, finalizer);
  }

  #disown(kind: Kind, object: Stored, uid: string): void {
    const ownerReferences = ownersOf(object).filter((owner) => owner.uid !== uid);
    const rest = without(object.metadata, 'ownerReferences');
    const metadata = { ...rest, ...(ownerReferences.length === 0 ? {} : { ownerReferences }) };
    this.#store.write(kind, { ...object, metadata: metadata });
  }
}
