export { createArgoExecutor } from './executor.ts';
export type { ArgoExecutorObserver, ArgoExecutorOptions, ArgoTimings, WorkflowOverrides } from './options.ts';
export { CRD_PERMISSIONS, SERVER_PERMISSIONS, WORKLOAD_PERMISSIONS } from './permissions.ts';
export type {
  ArgoApi,
  ArgoPodLogOptions,
  ShutdownOptions,
  StreamTimings,
  WorkflowCalls,
} from './transport/argo-api.ts';
export { createArgoCrdApi } from './transport/create-argo-crd-api.ts';
export { createArgoServerApi } from './transport/create-argo-server-api.ts';
export type { ArgoServerApiOptions } from './transport/create-argo-server-api.ts';
export { POD_TYPE_LABEL, buildWorkflow, hasExitStep } from './workflow/build-workflow.ts';
export type { WorkflowInput } from './workflow/build-workflow.ts';
export { TEMPLATES, WORKFLOWS } from './workflow/objects.ts';
export type { Workflow, WorkflowNode, WorkflowSpec, WorkflowStatus, WorkflowTemplate } from './workflow/objects.ts';
export { readWorkflowOverrides } from './workflow/read-overrides.ts';
export type { OverrideText, OverridesReading } from './workflow/read-overrides.ts';
export { workflowSettingsProblems } from './workflow/settings-check.ts';
