import type { KubeObject } from '../../objects.ts';
import { withDefaults } from './admission.ts';
import { writeOrRelease } from './deletion.ts';
import type { Kind } from './kinds.ts';
import type { ObjectStore } from './store.ts';
import type { Json, Stored } from './stored.ts';
import { finalizersOf, jsonAt } from './stored.ts';

/** Stores an object as a controller would: whole, status included, without asking anybody. */
export function putObject(store: ObjectStore, kind: Kind, object: KubeObject): Stored {
  const { name = '', namespace: given = 'default', uid: wanted } = object.metadata ?? {};
  const namespace = kind.namespaced ? given : undefined;
  const previous = store.get(kind, namespace, name);
  const body = { ...object } as Json;
  const birth = previous === undefined ? store.birth() : previous.metadata;
  const uid = previous === undefined ? (wanted ?? birth.uid) : birth.uid;
  const complete = previous === undefined ? withDefaults(kind, body, uid) : body;
  const { generation } = previous?.metadata ?? {};
  const stored = {
    ...complete,
    // What a new pod is given must not replace the status of one that is put as it is.
    ...(body['status'] === undefined ? {} : { status: jsonAt(body, 'status') }),
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: {
      ...(generation === undefined ? {} : { generation }),
      ...jsonAt(complete, 'metadata'),
      ...(namespace === undefined ? {} : { namespace }),
      ...{
        name,
        uid,
        creationTimestamp: object.metadata?.creationTimestamp ?? birth.creationTimestamp,
        resourceVersion: '',
      },
    },
  } as unknown as Stored;
  // An object that is put as being deleted stays; one whose last finalizer is taken away goes.
  const wasHeld = previous !== undefined && finalizersOf(previous).length > 0;
  return wasHeld ? writeOrRelease(store, kind, stored) : store.write(kind, stored);
}
