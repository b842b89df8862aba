import type { TestRight } from '@runner/kube/testing';

/** What the chart gives to the runner with Jobs. */
export async function agentRights(namespace: string): Promise<readonly TestRight[]> {
  // As the agent loads it: not before it is chosen.
  const { PERMISSIONS } = await import('@runner/executor-k8s');
  return PERMISSIONS.map(({ group, resource, subresource, verb }) => ({
    ...{ group, namespace },
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    verbs: [verb],
  }));
}
