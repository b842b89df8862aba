import type { Permission } from '@runner/kube/runs';

/**
 * `required` and `optional` as ever. `secret`, `configmap`: needed for that delivery of configs; `auto` uses Secrets only
 * where they may be created and read. `sweep`: only to do early what the cluster's garbage collection does anyhow.
 */
export type JobPermission = Permission<'required' | 'optional' | 'secret' | 'configmap' | 'sweep'>;

const jobs = (verb: string, without: string): JobPermission => ({
  group: 'batch',
  resource: 'jobs',
  verb,
  without,
  need: 'required',
});
const core = (resource: string, verb: string, need: JobPermission['need'], without: string): JobPermission => ({
  group: '',
  resource,
  verb,
  without,
  need,
});

/**
 * Every right the executor makes use of, in the namespace of the workloads. It asks for nothing else, and for nothing
 * beside that namespace.
 */
export const PERMISSIONS: readonly JobPermission[] = [
  jobs('create', 'no run can be started'),
  jobs('get', 'a run that is started twice cannot be recognised'),
  jobs('list', 'runs cannot be found again after a restart'),
  jobs('watch', 'changes of runs are not seen'),
  jobs('patch', 'runs cannot be cancelled'),
  jobs('delete', 'records of ended runs stay until their time to live'),
  core('pods', 'list', 'required', 'it cannot be seen whether something of a run still executes'),
  core('pods', 'watch', 'required', 'the start and the exit codes of runs are not seen'),
  core('pods', 'delete', 'optional', 'pods that were kept when their Job was deleted by hand cannot be ended'),
  { ...core('pods', 'get', 'required', 'logs cannot be read'), subresource: 'log' },
  core(
    'events',
    'list',
    'optional',
    'a run that waits is explained by its pod alone, and not at all while it has none',
  ),
  core('secrets', 'create', 'secret', 'configs cannot be put into Secrets'),
  core('secrets', 'get', 'secret', 'a Secret that stands already cannot be recognised'),
  core('secrets', 'list', 'sweep', 'Secrets whose Job is gone are left to the cluster'),
  core('secrets', 'delete', 'sweep', 'Secrets whose Job is gone are left to the cluster'),
  core('configmaps', 'create', 'configmap', 'configs cannot be put into ConfigMaps'),
  core('configmaps', 'get', 'configmap', 'a ConfigMap that stands already cannot be recognised'),
  core('configmaps', 'list', 'sweep', 'ConfigMaps whose Job is gone are left to the cluster'),
  core('configmaps', 'delete', 'sweep', 'ConfigMaps whose Job is gone are left to the cluster'),
];

/**
 * What is better with a ClusterRole, which nobody needs to give: with it, a pod that no node takes is told which taints keep
 * it away. The scheduler itself does not name them any more.
 */
export const CLUSTER_PERMISSIONS: readonly JobPermission[] = [
  core('nodes', 'list', 'optional', 'the taints that keep a pod away are not named'),
];
