import type { KubeApi } from '@runner/kube';
import type { ArgoParts } from './parts.ts';
import type { WorkflowSight } from './sight.ts';
import { mainPodOf } from './sight.ts';

/** Where the log of a run's main program is read. */
export interface LogSource {
  readonly pod: string;
  /** `ended` is asked by a stream that does not notice the end of its container itself. */
  podLog(ended: (signal: AbortSignal) => Promise<boolean>): Pick<KubeApi, 'podLog'>;
  readonly silenceMs?: number;
}

/**
 * The API server where it shows the pod: raw bytes. Else Argo, which may have kept the log of a pod that is gone. Its main
 * pod is called like the Workflow.
 */
export function logSource({ argo, kube }: ArgoParts, sight: WorkflowSight): LogSource | undefined {
  const pod = mainPodOf(sight)?.metadata?.name;
  if (kube !== undefined && (pod !== undefined || argo.transport === 'crd')) {
    return pod === undefined ? undefined : { pod, podLog: () => kube };
  }
  const name = pod ?? sight.workflow?.metadata?.name;
  if (name === undefined) return undefined;
  return {
    pod: name,
    silenceMs: argo.streams.logSilenceMs,
    podLog: (ended) => ({
      podLog: (namespace, of, options) => argo.workflows.podLog(namespace, of, { ...options, ended }),
    }),
  };
}
