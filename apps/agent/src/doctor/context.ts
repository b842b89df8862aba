import type { Clock, Logger, Random } from '@runner/core';
import type { KubeApi } from '@runner/kube';
import type { AgentConfig, Finding } from '../config.ts';
import type { ArgoSettings } from '../config/argo.ts';
import type { SimpleK8sSettings } from '../config/executor-choice.ts';
import type { Environment } from '../config/read.ts';
import type { Network } from '../transport/http-agent.ts';

export interface DoctorOptions {
  /** A reference to be read as workloads read it; undefined: none. */
  readonly reference: string | undefined;
  /** Whether pods may be made (and removed again). */
  readonly pods: boolean;
}

/** What checks take from the world. What is expensive is done once, however many checks ask for it. */
export interface DoctorContext {
  readonly environment: Environment;
  readonly config: AgentConfig;
  /** What is doubtful in the configuration. */
  readonly warnings: readonly Finding[];
  readonly options: DoctorOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly network: Network;
  /** Tries to open the socket of the runner and closes it before anything is said. */
  upgrade(): Promise<UpgradeOutcome>;
  /** What the REST interface of the control plane says of itself. */
  server(): Promise<ServerAnswer>;
  cluster(): Promise<ClusterOutcome>;
}

export type UpgradeOutcome = { readonly opened: true } | { readonly opened: false; readonly error: unknown };

export type ServerAnswer =
  | {
      readonly answered: true;
      readonly status: number;
      /** Value of the `Date` header. */
      readonly date: string | undefined;
      /** Epoch milliseconds (of this machine) in the middle of the exchange. */
      readonly at: number;
      readonly openMetadataVersion: string | undefined;
    }
  | { readonly answered: false; readonly error: unknown };

export type KubernetesSettings = SimpleK8sSettings | ArgoSettings;

/** The cluster, and the place of workloads in it. */
export interface ClusterSight {
  readonly api: KubeApi;
  /** As whoever looks after workloads: the holder of ARGO_TOKEN beside an Argo Server, else the same. */
  readonly workloadApi: KubeApi;
  /** Of the workloads. */
  readonly namespace: string;
  /** Of the agent: that of the service account or the kubeconfig. */
  readonly ownNamespace: string;
  readonly settings: KubernetesSettings;
  /** Undefined where it is not told. */
  readonly version: string | undefined;
  /** As whom it is asked, where the API server says so. */
  readonly user: string | undefined;
}

export type ClusterOutcome =
  | { readonly kind: 'usable'; readonly sight: ClusterSight }
  | { readonly kind: 'unusable'; readonly error: unknown }
  /** The executor makes no pods, or only an Argo Server is known. */
  | { readonly kind: 'none' };

/** Thrown by `clusterOf`; the runner of the checks makes a skipped result of it. */
export class ClusterNotAsked extends Error {}

/** The cluster, for checks that cannot do without. */
export async function clusterOf(context: DoctorContext): Promise<ClusterSight> {
  const outcome = await context.cluster();
  if (outcome.kind === 'usable') return outcome.sight;
  throw new ClusterNotAsked(
    outcome.kind === 'none' ? 'No Kubernetes cluster is asked with this executor.' : 'The API server cannot be asked.',
  );
}
