import { PERMISSIONS } from '@runner/executor-k8s';
import type { TestRight } from '@runner/kube/testing';

/** What the chart gives to the runner with Jobs. */
export const AGENT_RIGHTS = (namespace: string): readonly TestRight[] =>
  PERMISSIONS.map(({ group, resource, subresource, verb }) => ({
    ...{ group, namespace },
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    verbs: [verb],
  }));
