/** For tests only: an API server and a cluster in memory, and the suite that both they and real ones pass. Needs vitest. */
export { startTestApiServer } from './api-server.ts';
export type {
  ApiFault,
  FaultTarget,
  RecordedCall,
  TestApiServer,
  TestApiServerOptions,
  TestDeletion,
  TestLog,
  TestRight,
} from './api-server.ts';
export { startTestCluster } from './cluster.ts';
export type { ContainerEnd, PodTrouble, TestCluster, TestClusterOptions } from './cluster.ts';
export { kubeApiContract } from './kube-api-contract.ts';
export type { KubeApiContractOptions, KubeApiSubject, MakeKubeApi } from './kube-api-contract.ts';
