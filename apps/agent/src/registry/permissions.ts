import type { AccessRight } from '@runner/kube';

/** A rule of a Role. */
export interface RegistryRule {
  readonly apiGroups: readonly [''];
  readonly resources: readonly ['secrets'] | readonly ['configmaps'];
  readonly verbs: readonly string[];
  /** Absent where RBAC cannot restrict by name: nothing has a name while it is created. */
  readonly resourceNames?: readonly string[];
}

export interface RegistryNames {
  /** DOCKER_SECRET_NAME. */
  readonly secret: string;
  /** PULL_SECRET_STATUS_CONFIGMAP. */
  readonly statusConfigMap: string | undefined;
}

/** Every right that the registry helper uses in each namespace that gets the pull secret. */
export function pullSecretRules({ secret }: Pick<RegistryNames, 'secret'>): readonly RegistryRule[] {
  return [
    { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'patch'], resourceNames: [secret] },
  ];
}

/**
 * What it uses besides in its own namespace, when there is a ConfigMap for the status. That ConfigMap has to exist: to make
 * it would take the right to make any.
 */
export function statusRules({ statusConfigMap }: Pick<RegistryNames, 'statusConfigMap'>): readonly RegistryRule[] {
  if (statusConfigMap === undefined) return [];
  return [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch'], resourceNames: [statusConfigMap] }];
}

/** What the agent uses in its own namespace to show the expiry as a metric. */
export function expiryRules({ statusConfigMap }: Pick<RegistryNames, 'statusConfigMap'>): readonly RegistryRule[] {
  if (statusConfigMap === undefined) return [];
  return [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: [statusConfigMap] }];
}

/** The same rules one by one, as access reviews ask for them. */
export function accessRights(rules: readonly RegistryRule[], namespace: string): readonly AccessRight[] {
  return rules.flatMap(({ resources: [resource], verbs, resourceNames = [undefined] }) =>
    verbs.flatMap((verb) =>
      resourceNames.map((name) => ({ verb, group: '', resource, namespace, ...(name === undefined ? {} : { name }) })),
    ),
  );
}
