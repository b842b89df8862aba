export type { ApiFault, FaultTarget, RecordedCall, TestApiServer, TestRight } from './api-server.ts';
export type { PodTrouble, TestCluster } from './cluster.ts';
export { kubeApiContract } from './kube-api-contract.ts';
export type { KubeApiContractOptions, KubeApiSubject, MakeKubeApi } from './kube-api-contract.ts';
