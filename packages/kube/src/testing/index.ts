export type { ApiFault, FaultTarget, RecordedCall, TestApiServer, TestRight } from './api-server.ts';
export type { PodTrouble, TestCluster } from './cluster.ts';
