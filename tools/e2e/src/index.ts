export {
  ARGO_ACCOUNT,
  OFFICIAL_ARGO_ROLE,
  WORKFLOW_RULES,
  argoAccess,
  argoEnvironment,
  argoRules,
  argoServerUrl,
  exitStepPods,
  lackOfArgo,
  toldExitStep,
} from './argo.ts';
export type { ArgoAccess, ArgoTransport } from './argo.ts';
export { openCluster } from './cluster.ts';
export type { Cluster, Kind, KubeObject } from './cluster.ts';
export { LONG_MS, controlServer } from './control.ts';
export type { ControlledProgram, ControlServer, ControlServerOptions } from './control.ts';
export { FAKE_TOLERATION, POOL_LABEL, fakeNode, newPool } from './fake-node.ts';
export type { FakeNode, FakeNodeOptions } from './fake-node.ts';
export { forwardTo } from './forward.ts';
export type { Forward } from './forward.ts';
export { hasArgo } from './exclusions.ts';
export { hostForPods } from './host.ts';
export { WORKLOAD_IMAGE } from './image/name.ts';
export { packImage } from './image/pack.ts';
export { INGESTION_ACCOUNT, OFFICIAL_ROLE, agentRules, clusterRules, createNamespace, rulesOf } from './namespace.ts';
export type { Rule, TestNamespace } from './namespace.ts';
export type { Pipeline, Runner, RunnerOptions } from './runner.ts';
export { isOurCluster } from './ours.ts';
export { kubeconfigOfTests, openWorld } from './world.ts';
export type { Run, ShownDiagnosis, World } from './world.ts';
