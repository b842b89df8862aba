import type { ResourceType } from '../../objects.ts';

/** A kind that the server serves. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** `metadata.generation` counts changes of `spec`; `status` is changed by its own path only. */
  readonly hasStatus: boolean;
  /** `jobs.batch`, `pods`: as messages name it. */
  readonly resource: string;
  /** `Job.batch`, `Pod`. */
  readonly qualified: string;
}

const STATUS_KINDS = new Set(['pods', 'nodes', 'jobs.batch', 'cronjobs.batch', 'resourcequotas']);

export function kindOf(type: ResourceType): Kind {
  const [first = '', second] = type.apiVersion.split('/');
  const group = second === undefined ? '' : first;
  const suffix = group === '' ? '' : `.${group}`;
  const resource = `${type.plural}${suffix}`;
  return {
    group,
    version: second ?? first,
    apiVersion: type.apiVersion,
    kind: type.kind,
    plural: type.plural,
    namespaced: type.namespaced,
    hasStatus: STATUS_KINDS.has(resource),
    resource,
    qualified: `${type.kind}${suffix}`,
  };
}

const rows = (apiVersion: string, namespaced: boolean, names: Readonly<Record<string, string>>): ResourceType[] =>
  Object.entries(names).map(([plural, kind]) => ({ apiVersion, kind, plural, namespaced }));

const PRESET: readonly ResourceType[] = [
  ...rows('v1', false, { namespaces: 'Namespace', nodes: 'Node' }),
  ...rows('v1', true, {
    pods: 'Pod',
    events: 'Event',
    secrets: 'Secret',
    configmaps: 'ConfigMap',
    serviceaccounts: 'ServiceAccount',
    resourcequotas: 'ResourceQuota',
    persistentvolumeclaims: 'PersistentVolumeClaim',
    services: 'Service',
  }),
  ...rows('batch/v1', true, { jobs: 'Job', cronjobs: 'CronJob' }),
  ...rows('coordination.k8s.io/v1', true, { leases: 'Lease' }),
  ...rows('rbac.authorization.k8s.io/v1', true, { roles: 'Role', rolebindings: 'RoleBinding' }),
  ...rows('scheduling.k8s.io/v1', false, { priorityclasses: 'PriorityClass' }),
  ...rows('argoproj.io/v1alpha1', true, {
    workflows: 'Workflow',
    cronworkflows: 'CronWorkflow',
    workflowtemplates: 'WorkflowTemplate',
    workflowtaskresults: 'WorkflowTaskResult',
  }),
];

/** The kinds of a server, by where the API keeps them. */
export class Kinds {
  readonly #kinds = new Map<string, Kind>();
  readonly #known = new WeakMap<ResourceType, Kind>();

  constructor(more: readonly ResourceType[]) {
    for (const type of [...PRESET, ...more]) this.of(type);
  }

  /** Registers a kind that is not known yet. */
  of(type: ResourceType): Kind {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const key = `${type.apiVersion}/${type.plural}`;
    const kind = this.#kinds.get(key) ?? kindOf(type);
    this.#kinds.set(key, kind);
    this.#known.set(type, kind);
    return kind;
  }

  find(apiVersion: string, plural: string): Kind | undefined {
    return this.#kinds.get(`${apiVersion}/${plural}`);
  }

  hasGroup(group: string): boolean {
    return [...this.#kinds.values()].some((kind) => kind.group === group);
  }
}
