/** For tests only: an API server and a cluster in memory. */
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
