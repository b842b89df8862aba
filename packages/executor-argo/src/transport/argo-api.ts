import type { CallOptions, KubeApi } from '@runner/kube';
import type { Workflow } from '../workflow/objects.ts';

/**
 * Calls about Workflows, in the words of the Kubernetes port, whichever way they travel. Only `WORKFLOWS` (and the logs of
 * their pods) can be asked for. Errors are `kubeError`s, so that one table serves both transports.
 */
export type WorkflowCalls = Pick<KubeApi, 'create' | 'get' | 'list' | 'watch' | 'delete' | 'podLog'>;

export interface ShutdownOptions extends CallOptions {
  /** Written on the Workflow in the same call, where the transport can (`keepsAnnotations`). */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Only if the Workflow has not changed since; else `kube_conflict`. Where the transport can. */
  readonly resourceVersion?: string;
}

/** Argo, over its server's REST or over the custom resources. One suite, `argoApiContract`, holds for both. */
export interface ArgoApi {
  readonly transport: 'server' | 'crd';
  readonly place: {
    /** Names the place Workflows are kept in: hash of the cluster's CA, or of the server's origin. Without the namespace. */
    readonly id: string;
    /** For people: `Argo Server https://…` or `the cluster at https://…`. */
    readonly description: string;
  };
  readonly workflows: WorkflowCalls;
  /**
   * False when lists come out of a cache of the server (Argo Server): then no list proves that something is absent.
   */
  readonly listsAreFresh: boolean;
  /** False when nothing can be written on a Workflow that stands (Argo Server's REST). */
  readonly keepsAnnotations: boolean;
  /**
   * `Stop`: the main pod is ended, the exit step still runs. `Terminate`: neither. Idempotent; a Workflow that is over
   * stays as it is and is given. Undefined when there is none.
   */
  shutdown(
    namespace: string,
    name: string,
    how: 'Stop' | 'Terminate',
    options: ShutdownOptions,
  ): Promise<Workflow | undefined>;
  /** Version of Argo where the transport tells it (`v3.7.4`), and of Kubernetes over the CRDs (undefined then). */
  version(options: CallOptions): Promise<string | undefined>;
  close(): Promise<void>;
}
