import type { Permission } from '@runner/kube/runs';

const workflows = (verb: string, without: string): Permission => ({
  group: 'argoproj.io',
  resource: 'workflows',
  verb,
  without,
  need: 'required',
});
const core = (resource: string, verb: string, need: Permission['need'], without: string): Permission => ({
  group: '',
  resource,
  verb,
  without,
  need,
});

const WORKFLOW_RIGHTS: readonly Permission[] = [
  workflows('create', 'no run can be started'),
  workflows('get', 'a run that is started twice cannot be recognised'),
  workflows('list', 'runs cannot be found again after a restart'),
  workflows('watch', 'changes of runs are not seen'),
  workflows('patch', 'runs cannot be cancelled'),
  workflows('delete', 'records of ended runs stay until their time to live'),
];

const POD_LOG: Permission = { ...core('pods', 'get', 'required', 'logs cannot be read'), subresource: 'log' };

/** Argo cannot kill the first process of a container; the pod's own deadline, brought forward, does. */
const POD_END = core('pods', 'patch', 'optional', 'a program that ignores being stopped goes on until its deadline');

const DIAGNOSIS: readonly Permission[] = [
  core('events', 'list', 'optional', 'a run that waits is explained by its Workflow and its pod alone'),
];

/** Rights over the custom resources, in the namespace of the workloads. */
export const CRD_PERMISSIONS: readonly Permission[] = [
  ...WORKFLOW_RIGHTS,
  core('pods', 'list', 'required', 'it cannot be seen whether something of a run still executes'),
  core('pods', 'watch', 'required', 'the start and the exit codes of runs are not seen'),
  POD_LOG,
  POD_END,
  ...DIAGNOSIS,
];

/** Argo Server lets a Workflow go on by an update. */
const RESUME: Permission = {
  ...workflows('update', 'a run whose Workflow somebody suspended cannot be cancelled'),
  need: 'optional',
};

/**
 * Rights over Argo Server, which asks Kubernetes with the token of the caller. What is about pods is needed for logs;
 * beside them, pods are looked at only where the API server can be reached with the same token.
 */
export const SERVER_PERMISSIONS: readonly Permission[] = [
  ...WORKFLOW_RIGHTS,
  RESUME,
  core('pods', 'list', 'required', 'Argo Server cannot find the pods whose logs it serves'),
  core('pods', 'watch', 'required', 'Argo Server cannot follow logs'),
  POD_LOG,
  POD_END,
  ...DIAGNOSIS,
];

/** What Argo's own containers do with the service account of the workloads, in every pod. */
export const WORKLOAD_PERMISSIONS: readonly Permission[] = [
  {
    group: 'argoproj.io',
    resource: 'workflowtaskresults',
    verb: 'create',
    need: 'required',
    without: 'every Workflow ends as Error',
  },
  {
    group: 'argoproj.io',
    resource: 'workflowtaskresults',
    verb: 'patch',
    need: 'required',
    without: 'every Workflow ends as Error',
  },
];
