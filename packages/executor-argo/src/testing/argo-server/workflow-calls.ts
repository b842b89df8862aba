import type { Backend } from './backend.ts';
import type { Json } from './words.ts';
import { ArgoFailure, asArgoWrites, isJson } from './words.ts';

const GROUP = '/apis/argoproj.io/v1alpha1';
const MOST_BYTES = 3_145_728;
const ETCD_BYTES = 1_572_864;
const OVER: ReadonlySet<unknown> = new Set(['Succeeded', 'Failed', 'Error']);

export function collectionPath(namespace: string): string {
  return `${GROUP}/namespaces/${encodeURIComponent(namespace)}/workflows`;
}

export function objectPath(namespace: string, name: string): string {
  return `${collectionPath(namespace)}/${encodeURIComponent(name)}`;
}

export async function createWorkflow(backend: Backend, namespace: string, text: string): Promise<Json> {
  if (text.length > MOST_BYTES) throw new ArgoFailure(3, `Request entity too large: limit is ${MOST_BYTES}`);
  const workflow = workflowOf(text);
  const templates = templatesOf(workflow);
  const entrypoint = isJson(workflow['spec']) ? workflow['spec']['entrypoint'] : undefined;
  if (!templates.some((template) => isJson(template) && template['name'] === entrypoint)) {
    throw new ArgoFailure(3, `template name '${String(entrypoint)}' undefined`);
  }
  if (text.length > ETCD_BYTES) throw new ArgoFailure(13, 'etcdserver: request is too large');
  const metadata = isJson(workflow['metadata']) ? workflow['metadata'] : {};
  const labels = {
    ...(isJson(metadata['labels']) ? metadata['labels'] : {}),
    'workflows.argoproj.io/creator': 'tests',
  };
  const object = { ...workflow, metadata: { namespace, ...metadata, labels } };
  return asArgoWrites(await backend.json('POST', collectionPath(namespace), object));
}

function workflowOf(text: string): Json {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ArgoFailure(3, 'invalid character looking for beginning of value');
  }
  const workflow = isJson(body) ? body['workflow'] : undefined;
  if (isJson(workflow)) return workflow;
  throw new ArgoFailure(3, 'workflow body not specified');
}

const templatesOf = (workflow: Json): readonly unknown[] => {
  const templates = isJson(workflow['spec']) ? workflow['spec']['templates'] : undefined;
  return Array.isArray(templates) ? (templates as readonly unknown[]) : [];
};

export async function getWorkflow(backend: Backend, namespace: string, name: string): Promise<Json> {
  return asArgoWrites(await backend.json('GET', objectPath(namespace, name)));
}

export async function deleteWorkflow(backend: Backend, namespace: string, name: string): Promise<Json> {
  await backend.json('GET', objectPath(namespace, name));
  await backend.json('DELETE', objectPath(namespace, name), { propagationPolicy: 'Background' });
  return {};
}

export async function shutdownWorkflow(
  backend: Backend,
  namespace: string,
  name: string,
  shutdown: 'Stop' | 'Terminate',
): Promise<Json> {
  const found = await backend.json('GET', objectPath(namespace, name));
  if (isOver(found)) {
    const which = `workflow: "${name}", namespace: "${namespace}"`;
    throw new ArgoFailure(13, `cannot shutdown a completed workflow: ${which}`);
  }
  await backend.json('PATCH', objectPath(namespace, name), { spec: { shutdown } });
  return getWorkflow(backend, namespace, name);
}

/** Argo writes the whole object, and nothing where it is not suspended. */
export async function resumeWorkflow(backend: Backend, namespace: string, name: string): Promise<Json> {
  const found = await backend.json('GET', objectPath(namespace, name));
  const { suspend, ...spec } = isJson(found['spec']) ? found['spec'] : {};
  if (suspend === true) await backend.json('PUT', objectPath(namespace, name), { ...found, spec });
  return getWorkflow(backend, namespace, name);
}

export function isOver(workflow: Json): boolean {
  return isJson(workflow['status']) && OVER.has(workflow['status']['phase']);
}
