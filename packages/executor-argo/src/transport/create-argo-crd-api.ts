import { isRunnerError } from '@runner/core';
import type { KubeApi } from '@runner/kube';
import { kubeError } from '@runner/kube';
import type { Workflow } from '../workflow/objects.ts';
import { WORKFLOWS } from '../workflow/objects.ts';
import type { ArgoApi, ShutdownOptions } from './argo-api.ts';

/** As the Kubernetes port has them: bookmarks about every minute, and streams that end with what they are about. */
const STREAMS = { silenceMs: 90_000, watchSeconds: 300, logSilenceMs: 600_000 } as const;
/** Changes of the controller that may come in between. */
const MOST_CONFLICTS = 5;

/** Workflows as custom resources of the API server, for installations without an Argo Server. `close` leaves `kube` open. */
export function createArgoCrdApi({ kube }: { readonly kube: KubeApi }): ArgoApi {
  return {
    transport: 'crd',
    place: { id: kube.place.clusterId, description: `the cluster at ${kube.place.server}` },
    workflows: {
      create: kube.create.bind(kube),
      get: kube.get.bind(kube),
      list: kube.list.bind(kube),
      watch: kube.watch.bind(kube),
      delete: kube.delete.bind(kube),
      podLog: kube.podLog.bind(kube),
    },
    listsAreFresh: true,
    streams: STREAMS,
    keepsAnnotations: true,
    shutdown: (namespace, name, how, options) => shutdown(kube, namespace, name, how, options),
    version: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}

/**
 * Stops or terminates, and takes a suspension away: Argo's controller leaves a Workflow that is suspended where it stands,
 * stopped or not. One patch, which holds only for the state that was looked at: a Workflow that ends meanwhile is left as it ended. The
 * controller writes as well, so it may take some looks.
 */
async function shutdown(
  kube: KubeApi,
  namespace: string,
  name: string,
  how: 'Stop' | 'Terminate',
  { annotations = {}, resourceVersion, signal }: ShutdownOptions,
): Promise<Workflow | undefined> {
  for (let conflicts = 0; ; conflicts += 1) {
    const workflow = await kube.get(WORKFLOWS, namespace, name, { signal });
    if (workflow === undefined || isOver(workflow)) return workflow;
    if (resourceVersion !== undefined && workflow.metadata?.resourceVersion !== resourceVersion) throw changed(name);
    const strategy = workflow.spec?.shutdown === 'Terminate' ? 'Terminate' : how;
    const isHeld = workflow.spec?.suspend === true;
    if (!isHeld && workflow.spec?.shutdown === strategy && hasAnnotations(workflow, annotations)) return workflow;
    const patch = {
      metadata: { resourceVersion: workflow.metadata?.resourceVersion, annotations },
      spec: { shutdown: strategy, ...(isHeld ? { suspend: null } : {}) },
    };
    try {
      return await kube.patch(WORKFLOWS, namespace, name, patch, { signal });
    } catch (error) {
      if (!isRunnerError(error, 'kube_conflict') || resourceVersion !== undefined || conflicts >= MOST_CONFLICTS)
        throw error;
    }
  }
}

const OVER: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Error']);

/** Whether the controller is done with it. */
function isOver({ metadata, status }: Workflow): boolean {
  return metadata?.labels?.['workflows.argoproj.io/completed'] === 'true' || OVER.has(status?.phase ?? '');
}

function hasAnnotations({ metadata }: Workflow, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => metadata?.annotations?.[key] === value);
}

function changed(name: string): Error {
  return kubeError('kube_conflict', `shut down workflows "${name}": it has changed since it was looked at`, {
    details: { verb: 'patch', resource: WORKFLOWS.plural, name, status: 409, reason: 'Conflict' },
  });
}
