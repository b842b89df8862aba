import type { CallOptions, KubeApi, PodLogOptions } from '@runner/kube';
import type { Workflow } from '../workflow/objects.ts';

export interface ArgoPodLogOptions extends PodLogOptions {
  /**
   * Whether the container has ended. Argo Server keeps a followed log open until the whole Workflow is over, exit step
   * included; with this, a followed stream that is quiet asks, and ends when it is so. Over the custom resources streams
   * end by themselves and nobody asks.
   */
  readonly ended?: (signal: AbortSignal) => Promise<boolean>;
}

/**
 * Calls about Workflows, in the words of the Kubernetes port, whichever way they travel. Only `WORKFLOWS` (and the logs of
 * their pods) can be asked for. Errors are `kubeError`s, so that one table serves both transports.
 *
 * Lists and watches may leave out `spec.templates` and `spec.podSpecPatch` (they hold the configs) and
 * `metadata.managedFields`; `get` gives all.
 */
export interface WorkflowCalls extends Pick<KubeApi, 'create' | 'get' | 'list' | 'watch' | 'delete'> {
  /**
   * As in the Kubernetes port. `pod` is the name of a pod of a Workflow of ours. Argo Server takes up to 15 s to open a
   * log that has nothing to say.
   */
  podLog(namespace: string, pod: string, options: ArgoPodLogOptions): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** How long streams of a transport live; for `createListWatch` and `readPodLog`. */
export interface StreamTimings {
  /** Milliseconds without event or bookmark after which a watch is dead. */
  readonly silenceMs: number;
  /** Seconds for which one watch is asked for. */
  readonly watchSeconds: number;
  /** Milliseconds without a byte after which a followed log is begun anew. */
  readonly logSilenceMs: number;
}

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
  readonly streams: StreamTimings;
  /** False when nothing can be written on a Workflow that stands (Argo Server's REST). */
  readonly keepsAnnotations: boolean;
  /**
   * `Stop`: the main pod is ended, the exit step still runs. `Terminate`: neither. One that somebody suspended goes on, for
   * it would not end otherwise. Idempotent; a Workflow that is over stays as it is and is given. Undefined when there is none.
   */
  shutdown(
    namespace: string,
    name: string,
    how: 'Stop' | 'Terminate',
    options: ShutdownOptions,
  ): Promise<Workflow | undefined>;
  /**
   * Version of Argo where the transport tells it (`v3.7.4`); undefined over the custom resources. Argo Server tells it to
   * any token, so it proves that Argo is there, not that the token is good.
   */
  version(options: CallOptions): Promise<string | undefined>;
  close(): Promise<void>;
}
