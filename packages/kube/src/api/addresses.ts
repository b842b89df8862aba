import { kubeError } from '../errors.ts';
import type { ResourceType } from '../objects.ts';

/** Query parameters; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `batch` of `batch/v1`, '' for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}

/** Path of all objects of a type; namespace '' means all namespaces. */
export function collectionPath(type: ResourceType, namespace: string): string {
  const root = groupOf(type.apiVersion) === '' ? `/api/${type.apiVersion}` : `/apis/${type.apiVersion}`;
  const place = type.namespaced && namespace !== '' ? `/namespaces/${segment('namespace', namespace)}` : '';
  return `${root}${place}/${type.plural}`;
}

/** Path of one object. An empty name would mean all of them, so it is refused. */
export function objectPath(type: ResourceType, namespace: string, name: string): string {
  return `${namespacePath(type, namespace)}/${segment('name', name)}`;
}

/** Path to create objects at: a namespace is needed. */
export function namespacePath(type: ResourceType, namespace: string): string {
  if (type.namespaced) segment('namespace', namespace);
  return collectionPath(type, namespace);
}

export function withQuery(path: string, query: Query): string {
  let out = path;
  let mark = path.includes('?') ? '&' : '?';
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    out += `${mark}${key}=${encodeURIComponent(value)}`;
    mark = '&';
  }
  return out;
}

function segment(what: string, value: string): string {
  if (value === '' || value === '.' || value === '..') {
    throw kubeError('kube_invalid', `"${value}" is no ${what}`, { hint: `Give the ${what} of the object.` });
  }
  return encodeURIComponent(value);
}
