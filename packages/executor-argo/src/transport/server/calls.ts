import type { RunnerError } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type {
  Caller,
  CallOptions,
  CreateResult,
  DeleteOptions,
  KubeObject,
  KubeRequest,
  ResourceType,
} from '@runner/kube';
import { kubeError } from '@runner/kube';
import type { Workflow } from '../../workflow/objects.ts';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ShutdownOptions } from '../argo-api.ts';
import { about, collectionPath, objectPath } from './addresses.ts';
import { isCompleted } from './refusal.ts';
import { named } from './watching.ts';

/** Longest answer about one Workflow, in bytes. */
const OBJECT_BYTES = 16 * 1024 * 1024;
/** How often a Workflow may stand in the way of its own creation and be gone when it is looked at. */
const MOST_GONE = 3;

export async function create<T extends KubeObject>(
  caller: Caller,
  type: ResourceType<T>,
  namespace: string,
  object: T,
  { signal }: CallOptions,
): Promise<CreateResult<T>> {
  const name = object.metadata?.name ?? '';
  const path = collectionPath(type, namespace);
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

export async function get<T extends KubeObject>(
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
export async function remove<T extends KubeObject>(
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

export async function shutdown(
  caller: Caller,
  namespace: string,
  name: string,
  how: 'Stop' | 'Terminate',
  options: ShutdownOptions,
): Promise<Workflow | undefined> {
  const shut = await shutDown(caller, namespace, name, how, options);
  const isHeld = shut?.spec?.suspend === true && (shut.spec.shutdown ?? '') !== '';
  // Only then: Argo's controller leaves a Workflow that is suspended where it stands, and a resumed one would begin.
  return isHeld ? await put(caller, namespace, name, 'resume', options) : shut;
}

async function shutDown(
  caller: Caller,
  namespace: string,
  name: string,
  how: 'Stop' | 'Terminate',
  options: ShutdownOptions,
): Promise<Workflow | undefined> {
  const { signal } = options;
  if (how === 'Stop') {
    // Argo would make a stop of a terminate.
    const workflow = await get(caller, WORKFLOWS, namespace, name, { signal });
    if (workflow === undefined || workflow.spec?.shutdown === 'Terminate') return workflow;
  }
  try {
    return await put(caller, namespace, name, how === 'Stop' ? 'stop' : 'terminate', options);
  } catch (error) {
    if (!isRunnerError(error) || !isCompleted(error)) throw error;
    return get(caller, WORKFLOWS, namespace, name, { signal });
  }
}

/** One of the calls that change a Workflow that stands. Undefined when there is none. */
async function put(
  caller: Caller,
  namespace: string,
  name: string,
  verb: 'stop' | 'terminate' | 'resume',
  { signal }: CallOptions,
): Promise<Workflow | undefined> {
  const request: KubeRequest = {
    about: about(verb, WORKFLOWS, namespace, name),
    method: 'PUT',
    path: `${objectPath(WORKFLOWS, namespace, name)}/${verb}`,
    body: JSON.stringify({ namespace, name }),
  };
  const answer = await unlessMissing(caller.json(request, signal, { limit: OBJECT_BYTES }));
  return answer === undefined ? undefined : checked(request, named(answer as Workflow, WORKFLOWS));
}

export async function version(caller: Caller, { signal }: CallOptions): Promise<string | undefined> {
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
