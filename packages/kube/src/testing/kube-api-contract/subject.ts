import type { AccessRight, KubeApi } from '../../api/kube-api.ts';
import type { ConfigMap, Job } from '../../objects.ts';

/** A port under test, on a namespace of its own that the subject makes and removes. */
export interface KubeApiSubject extends AsyncDisposable {
  /** As somebody who may do everything in the namespace, and list in all of them. */
  readonly api: KubeApi;
  readonly namespace: string;
  /** The port as somebody who may do exactly this in the namespace. The subject closes it. */
  as(rights: readonly AccessRight[]): Promise<KubeApi>;
  /** From now on there may be so many of `secrets`, `configmaps` … in the namespace; resolves when that holds. */
  quota(resource: string, most: number): Promise<void>;
  /** A resource version that watches can no longer begin at. */
  expiredVersion(): Promise<string>;
  /** A pod whose container `main` wrote exactly this and has ended. Resolves with its name. */
  finishedPod(written: string): Promise<string>;
  /** A pod on a node whose container `main` cannot begin. Resolves with its name. */
  waitingPod(): Promise<string>;
}

/** Makes a new subject; the suite disposes it. */
export type MakeKubeApi = () => Promise<KubeApiSubject>;

export interface KubeContractContext {
  readonly make: MakeKubeApi;
  /** How long one thing may take to happen, in milliseconds. */
  readonly timeoutMs: number;
}

/** A signal that ends a test which waits in vain, before the test's own timeout cuts it. */
export const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);

export const SUITE_LABEL = 'kube-api-contract';

export function configMap(name: string, data: Readonly<Record<string, string>> = {}, label = 'yes'): ConfigMap {
  return { metadata: { name, labels: { [SUITE_LABEL]: label } }, data };
}

/** A Job that nothing can place. */
export function idleJob(name: string): Job {
  return {
    metadata: { name },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          nodeSelector: { 'runner.test/nowhere': 'yes' },
          containers: [{ name: 'main', image: 'docker.io/runner/busybox:1' }],
        },
      },
    },
  };
}
