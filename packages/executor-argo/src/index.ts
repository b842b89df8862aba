export type { ArgoExecutorObserver, ArgoExecutorOptions, ArgoTimings, WorkflowOverrides } from './options.ts';
export type { ArgoApi, ShutdownOptions, WorkflowCalls } from './transport/argo-api.ts';
export { TEMPLATES, WORKFLOWS } from './workflow/objects.ts';
export type { Workflow, WorkflowNode, WorkflowSpec, WorkflowStatus, WorkflowTemplate } from './workflow/objects.ts';
