/** For tests only: Argo in memory, and the suite that both transports pass. Needs vitest. */
export { argoApiContract } from './argo-api-contract.ts';
export type { ArgoApiContractOptions, ArgoApiSubject, MakeArgoApi } from './argo-api-contract.ts';
export { startTestArgoController } from './argo-controller.ts';
export type { ExitStep, TestArgoController, TestArgoControllerOptions } from './argo-controller.ts';
export { startTestArgoServer } from './argo-server.ts';
export type {
  ArgoCall,
  ArgoFaultTarget,
  ArgoServerCall,
  ArgoServerFault,
  TestArgoServer,
  TestArgoServerOptions,
} from './argo-server.ts';
