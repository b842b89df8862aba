import type { RunnerError } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type {
  About,
  Caller,
  CallOptions,
  CreateResult,
  DeleteOptions,
  KubeObject,
  KubeRequest,
  ResourceType,
  ServerCallerOptions,
} from '@runner/kube';
import { createServerCaller, kubeError, withQuery } from '@runner/kube';
import type { Workflow } from '../workflow/objects.ts';
import { WORKFLOWS } from '../workflow/objects.ts';
import type { ArgoApi, ShutdownOptions } from './argo-api.ts';
import type { ArgoServerIdentityOptions } from './server/identity.ts';
import { argoServerIdentity } from './server/identity.ts';
import { listAll } from './server/listing.ts';
import { openPodLog } from './server/pod-log.ts';
import { ARGO_SERVER, isCompleted } from './server/refusal.ts';
import { named, watchEvents } from './server/watching.ts';

export interface ArgoServerApiOptions
  extends ArgoServerIdentityOptions, Omit<ServerCallerOptions, 'identity' | 'clock'> {}

/** Longest answer about one Workflow, in bytes. */
const OBJECT_BYTES = 16 * 1024 * 1024;
/** How often a Workflow may stand in the way of its own creation and be gone when it is looked at. */
const MOST_GONE = 3;
const WATCH_FIELDS = '-result.object.metadata.managedFields,result.object.spec.templates';
/**
 * Bookmarks of the API server come through, about every minute. Argo Servers with `--request-timeout=5m` cut what lasts
 * longer, and stop feeding followed logs without ending them: watches end before that by themselves, quiet logs are begun
 * anew.
 */
const STREAMS = { silenceMs: 90_000, watchSeconds: 240, logSilenceMs: 60_000 } as const;

/**
 * Workflows over the REST of an Argo Server, spoken to directly (no proxy). Throws `kube_config_invalid` where endpoint,
 * token or certificates cannot be used.
 */
export function createArgoServerApi(options: ArgoServerApiOptions): ArgoApi {
  const identity = argoServerIdentity(options);
  const caller = createServerCaller({ ...options, identity }, ARGO_SERVER);
  const { server, clusterId } = identity.place;
  return {
    transport: 'server',
    place: { id: clusterId, description: `Argo Server ${server}` },
    workflows: {
      create: (type, namespace, object, call) => create(caller, type, namespace, object, call),
      get: (type, namespace, name, call) => get(caller, type, namespace, name, call),
      list: (type, namespace, call) =>
        listAll({
          caller,
          about: about('list', type, namespace),
          path: collection(type, namespace),
          type,
          options: call,
        }),
      watch: (type, namespace, { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal }) => {
        checkType(type);
        const path = withQuery(`/api/v1/workflow-events/${encodeURIComponent(namespace)}`, {
          'listOptions.labelSelector': labelSelector,
          'listOptions.fieldSelector': fieldSelector,
          'listOptions.resourceVersion': resourceVersion,
          'listOptions.timeoutSeconds': timeoutSeconds,
          'listOptions.allowWatchBookmarks': true,
          fields: WATCH_FIELDS,
        });
        const request = {
          about: about('watch', type, namespace),
          method: 'GET',
          path,
          accept: 'text/event-stream',
        } as const;
        return watchEvents(caller, request, type, signal);
      },
      delete: (type, namespace, name, call) => remove(caller, type, namespace, name, call),
      podLog: (namespace, pod, call) => openPodLog(caller, options.clock, namespace, pod, call),
    },
    listsAreFresh: false,
    streams: STREAMS,
    keepsAnnotations: false,
    shutdown: (namespace, name, how, call) => shutdown(caller, namespace, name, how, call),
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
  const path = collection(type, namespace);
  // Checks the name; the object is posted to its collection.
  objectPath(type, namespace, name);
  const workflow = { apiVersion: type.apiVersion, kind: type.kind, ...object };
  const request: KubeRequest = {
    about: about('create', type, namespace, name),
    method: 'POST',
    path,
    body: JSON.stringify({ workflow }),
  };
  for (let gone = 0; ; gone += 1) {
    try {
      const answer = (await caller.json(request, signal, { limit: OBJECT_BYTES, alsoRepeat: isLostRace })) as T;
      return { object: checked(request, named(answer, type)), created: true };
    } catch (error) {
      if (!isRunnerError(error, 'kube_conflict') || error.details.reason !== 'AlreadyExists') throw error;
      const object = await get(caller, type, namespace, name, { signal });
      if (object !== undefined) return { object, created: false };
      // It went away in between, so there is room now.
      if (gone >= MOST_GONE) throw error;
    }
  }
}

const isLostRace = (error: RunnerError): boolean =>
  error.code === 'kube_conflict' && error.details.reason !== 'AlreadyExists';

async function get<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  name: string,
  { signal }: CallOptions,
): Promise<T | undefined> {
  const path = objectPath(type, namespace, name);
  const request: KubeRequest = { about: about('get', type, namespace, name), method: 'GET', path };
  const answer = (await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }))) as T | undefined;
  return answer === undefined ? undefined : checked(request, named(answer, type));
}

/** Argo takes no conditions: with `uid` it is looked before, so another Workflow that comes in between is not safe. */
async function remove<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  name: string,
  { uid, signal }: DeleteOptions,
): Promise<void> {
  const subject = about('delete', type, namespace, name);
  if (uid !== undefined) {
    const object = await get(caller, type, namespace, name, { signal });
    if (object === undefined) return;
    if (object.metadata?.uid !== uid) {
      throw kubeError('kube_conflict', `delete workflows "${name}": it is another one than the one meant`, {
        details: { verb: 'delete', resource: type.plural, namespace, name, status: 409, reason: 'Conflict' },
      });
    }
  }
  const request: KubeRequest = { about: subject, method: 'DELETE', path: objectPath(type, namespace, name) };
  await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }));
}

async function shutdown(
  caller: Caller,
  namespace: string,
  name: string,
  how: 'Stop' | 'Terminate',
  { signal }: ShutdownOptions,
): Promise<Workflow | undefined> {
  const verb = how === 'Stop' ? 'stop' : 'terminate';
  if (how === 'Stop') {
    // Argo would make a stop of a terminate.
    const workflow = await get(caller, WORKFLOWS, namespace, name, { signal });
    if (workflow === undefined || workflow.spec?.shutdown === 'Terminate') return workflow;
  }
  const request: KubeRequest = {
    about: about(verb, WORKFLOWS, namespace, name),
    method: 'PUT',
    path: `${objectPath(WORKFLOWS, namespace, name)}/${verb}`,
    body: JSON.stringify({ namespace, name }),
  };
  try {
    const answer = await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }));
    return answer === undefined ? undefined : checked(request, named(answer as Workflow, WORKFLOWS));
  } catch (error) {
    if (!isRunnerError(error) || !isCompleted(error)) throw error;
    return get(caller, WORKFLOWS, namespace, name, { signal });
  }
}

async function version(caller: Caller, { signal }: CallOptions): Promise<string | undefined> {
  const request = {
    about: { verb: 'get', group: '', resource: 'version' },
    method: 'GET',
    path: '/api/v1/version',
  } as const;
  const answer = await caller.json(request, signal, { limit: OBJECT_BYTES });
  if (typeof answer.version === 'string') return answer.version;
  throw notArgo(request);
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isRunnerError(error, 'kube_not_found') && error.details.missing === 'object') return undefined;
    throw error;
  }
}

/** JSON of another server is no Workflow. */
function checked<T extends KubeObject>(request: KubeRequest, object: T): T {
  if (typeof object.metadata?.name === 'string') return object;
  throw notArgo(request);
}

function notArgo({ about: { verb, resource } }: Pick<KubeRequest, 'about'>): RunnerError {
  return kubeError('kube_protocol', `${verb} ${resource}: the answer is not Argo's`, {
    hint: 'Check the endpoint: something else than the Argo Server may answer there.',
    details: { verb, resource, status: 200 },
  });
}

function collection(type: ResourceType, namespace: string): string {
  checkType(type);
  return `/api/v1/workflows/${encodeURIComponent(namespace)}`;
}

function objectPath(type: ResourceType, namespace: string, name: string): string {
  if (namespace === '' || name === '' || name === '.' || name === '..') {
    throw kubeError('kube_invalid', 'a Workflow is called by a namespace and a name');
  }
  return `${collection(type, namespace)}/${encodeURIComponent(name)}`;
}

function checkType(type: ResourceType): void {
  if (type.plural === WORKFLOWS.plural) return;
  throw kubeError('kube_invalid', `the Argo Server serves workflows, not ${type.plural}`);
}

function about(verb: string, type: ResourceType, namespace: string, name?: string): About {
  return { verb, group: 'argoproj.io', resource: type.plural, namespace, ...(name === undefined ? {} : { name }) };
}
