import type { RunnerError } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { KubeErrorCode } from '../errors.ts';
import { kubeError } from '../errors.ts';
import type { KubeObject, ResourceType } from '../objects.ts';
import { collectionPath, groupOf, namespacePath, objectPath, withQuery } from './addresses.ts';
import type { Caller } from './caller.ts';
import type { Dialect } from './dialect.ts';
import { refusalError } from './failures.ts';
import type { AccessRight, CallOptions, CreateResult, DeleteOptions, KubeApi } from './kube-api.ts';
import { listAll } from './listing.ts';
import { openPodLog } from './pod-log.ts';
import type { About } from './request.ts';
import type { ServerCallerOptions } from './server-caller.ts';
import { createServerCaller } from './server-caller.ts';
import { isRecord } from './status.ts';
import { watchEvents } from './watching.ts';

export type KubeApiOptions = ServerCallerOptions;

const DIALECT: Dialect = { server: 'the API server', refusal: refusalError };
/** Longest answer about one object, in bytes: etcd holds objects of 1.5 MiB, JSON makes them larger. */
const OBJECT_BYTES = 8 * 1024 * 1024;

/** The port over kept-alive HTTPS. Throws `kube_config_invalid` when the identity's certificates cannot be used. */
export function createKubeApi(options: KubeApiOptions): KubeApi {
  const { identity } = options;
  const caller = createServerCaller(options, DIALECT);
  return {
    place: identity.place,
    create: (type, namespace, object, call) => create(caller, type, namespace, object, call),
    get: (type, namespace, name, call) => get(caller, type, namespace, name, call),
    list: (type, namespace, call) => listAll(caller, about('list', type, namespace), type, namespace, call),
    patch: (type, namespace, name, change, call) => patch(caller, type, namespace, name, change, call),
    delete: (type, namespace, name, call) => remove(caller, type, namespace, name, call),
    watch: (type, namespace, { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal }) => {
      const path = withQuery(collectionPath(type, namespace), {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        timeoutSeconds,
        labelSelector,
        fieldSelector,
      });
      return watchEvents(caller, { about: about('watch', type, namespace), method: 'GET', path }, signal);
    },
    podLog: (namespace, pod, call) => openPodLog(caller, namespace, pod, call),
    mayI: (right, call) => mayI(caller, right, call),
    version: (call) => version(caller, call),
    close: () => {
      caller.close();
      return Promise.resolve();
    },
  };
}

async function create<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  object: T,
  { signal }: CallOptions,
): Promise<CreateResult<T>> {
  const name = object.metadata?.name ?? '';
  const subject = about('create', type, namespace, name);
  // Checks the name; the object is posted to its collection.
  objectPath(type, namespace, name);
  const path = namespacePath(type, namespace);
  const body = JSON.stringify({ apiVersion: type.apiVersion, kind: type.kind, ...object });
  for (let gone = 0; ; gone += 1) {
    try {
      const answer = await caller.json({ about: subject, method: 'POST', path, body }, signal, {
        limit: OBJECT_BYTES,
        alsoRepeat: isLostRace,
      });
      return { object: answer as T, created: true };
    } catch (error) {
      if (!isRunnerError(error, 'kube_conflict') || error.details.reason !== 'AlreadyExists') throw error;
      const object = await get(caller, type, namespace, name, { signal });
      if (object !== undefined) return { object, created: false };
      // It went away in between, so there is room now.
      if (gone >= MOST_GONE) throw error;
    }
  }
}

/** How often an object may stand in the way of its own creation and be gone when it is looked at. */
const MOST_GONE = 3;

/** A create needs its turn at the quota of the namespace; when many come at once, some lose with a 409 of another reason. */
const isLostRace = (error: RunnerError): boolean =>
  error.code === 'kube_conflict' && error.details.reason !== 'AlreadyExists';

async function get<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  name: string,
  { signal }: CallOptions,
): Promise<T | undefined> {
  const request = {
    about: about('get', type, namespace, name),
    method: 'GET',
    path: objectPath(type, namespace, name),
  } as const;
  return (await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }))) as T | undefined;
}

async function patch<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  name: string,
  change: Readonly<Record<string, unknown>>,
  { signal }: CallOptions,
): Promise<T | undefined> {
  const request = {
    about: about('patch', type, namespace, name),
    method: 'PATCH',
    path: objectPath(type, namespace, name),
    body: JSON.stringify(change),
    contentType: 'application/merge-patch+json',
  } as const;
  return (await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }))) as T | undefined;
}

async function remove<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  name: string,
  { uid, propagation = 'Foreground', graceSeconds, signal }: DeleteOptions,
): Promise<void> {
  const request = {
    about: about('delete', type, namespace, name),
    method: 'DELETE',
    path: objectPath(type, namespace, name),
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation,
      ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    }),
  } as const;
  await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }));
}

async function mayI(caller: Caller, right: AccessRight, { signal }: CallOptions): Promise<boolean> {
  const resource = 'selfsubjectaccessreviews';
  const group = 'authorization.k8s.io';
  const answer = await caller.json(
    {
      about: { verb: 'create', group, resource },
      method: 'POST',
      path: `/apis/${group}/v1/${resource}`,
      body: JSON.stringify({
        apiVersion: `${group}/v1`,
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: right },
      }),
    },
    signal,
    { limit: OBJECT_BYTES },
  );
  if (isRecord(answer.status) && typeof answer.status.allowed === 'boolean') return answer.status.allowed;
  throw kubeError('kube_protocol', 'the answer to an access review does not say whether it is allowed');
}

async function version(caller: Caller, { signal }: CallOptions): Promise<string> {
  const request = { about: { verb: 'get', group: '', resource: 'version' }, method: 'GET', path: '/version' } as const;
  const { gitVersion } = await caller.json(request, signal, { limit: OBJECT_BYTES });
  if (typeof gitVersion === 'string') return gitVersion;
  throw kubeError('kube_protocol', 'the answer does not name the version of the API server', {
    hint: 'Check the address of the API server.',
  });
}

/** Undefined where the object does not exist. A namespace or kind that does not is an error all the same. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const code: KubeErrorCode = 'kube_not_found';
    if (isRunnerError(error, code) && error.details.missing === 'object') return undefined;
    throw error;
  }
}

function about(verb: string, type: ResourceType, namespace: string, name?: string): About {
  return {
    verb,
    group: groupOf(type.apiVersion),
    resource: type.plural,
    ...(type.namespaced ? { namespace } : {}),
    ...(name === undefined ? {} : { name }),
  };
}
