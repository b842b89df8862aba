import type { About, ResourceType } from '@runner/kube';
import { kubeError } from '@runner/kube';
import { WORKFLOWS } from '../../workflow/objects.ts';

/** Path of the Workflows of a namespace. */
export function collectionPath(type: ResourceType, namespace: string): string {
  checkType(type);
  return `/api/v1/workflows/${encodeURIComponent(namespace)}`;
}

/** Path of one Workflow. Empty parts would mean another call, so they are refused. */
export function objectPath(type: ResourceType, namespace: string, name: string): string {
  if (namespace === '' || name === '' || name === '.' || name === '..') {
    throw kubeError('kube_invalid', 'a Workflow is called by a namespace and a name');
  }
  return `${collectionPath(type, namespace)}/${encodeURIComponent(name)}`;
}

export function checkType(type: ResourceType): void {
  if (type.plural === WORKFLOWS.plural) return;
  throw kubeError('kube_invalid', `the Argo Server serves workflows, not ${type.plural}`);
}

export function about(verb: string, type: ResourceType, namespace: string, name?: string): About {
  return { verb, group: 'argoproj.io', resource: type.plural, namespace, ...(name === undefined ? {} : { name }) };
}
