import type { Kind } from './kinds.ts';
import { Refusal, invalid } from './refusal.ts';
import type { ObjectStore } from './store.ts';
import type { Json, Stored } from './stored.ts';
import { at, finalizersOf, jsonAt, numberAt, textAt, timestamp, withFinalizers } from './stored.ts';

export type Propagation = 'Foreground' | 'Background' | 'Orphan';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

const DEFAULT_GRACE_SECONDS = 30;

export interface DeleteRequest {
  readonly propagation: Propagation;
  readonly graceSeconds: number | undefined;
}

/** `DeleteOptions` of a request, checked against what is to be deleted. */
export function deleteRequest(kind: Kind, object: Stored, body: Json, query: URLSearchParams): DeleteRequest {
  const propagation = textAt(body, 'propagationPolicy') ?? query.get('propagationPolicy') ?? undefined;
  if (propagation !== undefined && !['Foreground', 'Background', 'Orphan'].includes(propagation)) {
    const message = `Unsupported value: "${propagation}": supported values: "Foreground", "Background", "Orphan", "nil"`;
    throw invalid({ qualified: 'DeleteOptions.meta.k8s.io', kind: 'DeleteOptions', group: 'meta.k8s.io' }, '', [
      { field: 'propagationPolicy', reason: 'FieldValueNotSupported', message },
    ]);
  }
  checkPreconditions(kind, object, jsonAt(body, 'preconditions'));
  const inQuery = query.get('gracePeriodSeconds');
  return {
    // Jobs are the old kind whose dependents are left alone unless one says otherwise.
    propagation: (propagation as Propagation | undefined) ?? (kind.resource === 'jobs.batch' ? 'Orphan' : 'Background'),
    graceSeconds: numberAt(body, 'gracePeriodSeconds') ?? (inQuery === null ? undefined : Number(inQuery)),
  };
}

function checkPreconditions(kind: Kind, object: Stored, preconditions: Json): void {
  const { name } = object.metadata;
  const details = { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.kind };
  const check = (what: string, wanted: unknown, real: string, after: string): void => {
    if (typeof wanted !== 'string' || wanted === real) return;
    const message = `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${real}). ${after}`;
    throw new Refusal(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${kind.qualified} "${name}": ${message}`,
      details,
    );
  };
  check('UID', preconditions['uid'], object.metadata.uid, 'The object might have been deleted and then recreated');
  check(
    'ResourceVersion',
    preconditions['resourceVersion'],
    object.metadata.resourceVersion,
    'The object might have been modified',
  );
}

/** Seconds a pod is given; everything else goes at once. */
function graceOf(kind: Kind, object: Stored, asked: number | undefined): number {
  if (kind.resource !== 'pods') return 0;
  const phase = textAt(object, 'status', 'phase');
  // Nothing runs: never scheduled, or over.
  if (textAt(object, 'spec', 'nodeName') === undefined || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? numberAt(object, 'spec', 'terminationGracePeriodSeconds') ?? DEFAULT_GRACE_SECONDS;
}

const FINALIZER_OF: Readonly<Record<Propagation, readonly string[]>> = {
  Foreground: [FOREGROUND],
  Orphan: [ORPHAN],
  Background: [],
};

/** Marks an object for deletion, or removes it when nothing holds it. Gives what is left of it. */
export function deleteObject(
  store: ObjectStore,
  kind: Kind,
  object: Stored,
  request: DeleteRequest,
): Stored | undefined {
  const { metadata } = object;
  let grace = graceOf(kind, object, request.graceSeconds);
  const before = metadata.deletionTimestamp === undefined ? undefined : (metadata.deletionGracePeriodSeconds ?? 0);
  // A deletion may be hurried, never slowed down.
  if (before !== undefined) grace = Math.min(grace, before);
  const kept = finalizersOf(object).filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  const finalizers = before === undefined ? [...kept, ...FINALIZER_OF[request.propagation]] : finalizersOf(object);
  if (grace === 0 && finalizers.length === 0) {
    store.remove(kind, object);
    return undefined;
  }
  if (before !== undefined && grace === before) return object;
  return store.write(kind, {
    ...object,
    metadata: {
      ...withFinalizers(metadata, finalizers),
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      deletionTimestamp: timestamp(store.clock.now() + grace * 1000),
      deletionGracePeriodSeconds: grace,
    },
  });
}

/** True when an object that is marked has nothing left that holds it. */
export function isReleased(object: Stored): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  return (
    deletionTimestamp !== undefined && (deletionGracePeriodSeconds ?? 0) === 0 && finalizersOf(object).length === 0
  );
}

/** Stores a change; an object that was only held by a finalizer that is gone now goes. */
export function writeOrRelease(store: ObjectStore, kind: Kind, object: Stored): Stored {
  if (!isReleased(object)) return store.write(kind, object);
  store.remove(kind, object);
  return object;
}

/** Takes a finalizer away; with the last one the object may go. */
export function withoutFinalizer(store: ObjectStore, kind: Kind, object: Stored, finalizer: string): void {
  const finalizers = finalizersOf(object).filter((one) => one !== finalizer);
  writeOrRelease(store, kind, { ...object, metadata: withFinalizers(object.metadata, finalizers) });
}

/** What a deletion that is done at once is answered with. */
export function deletedStatus(kind: Kind, object: Stored): Json {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: object.metadata.name,
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.plural,
      uid: at(object, 'metadata', 'uid'),
    },
  };
}
