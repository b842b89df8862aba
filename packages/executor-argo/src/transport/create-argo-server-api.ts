import type { ServerCallerOptions } from '@runner/kube';
import { createServerCaller, withQuery } from '@runner/kube';
import type { ArgoApi } from './argo-api.ts';
import { about, checkType, collectionPath } from './server/addresses.ts';
import { create, get, remove, shutdown, version } from './server/calls.ts';
import type { ArgoServerIdentityOptions } from './server/identity.ts';
import { argoServerIdentity } from './server/identity.ts';
import { listAll } from './server/listing.ts';
import { openPodLog } from './server/pod-log.ts';
import { ARGO_SERVER } from './server/refusal.ts';
import { watchEvents } from './server/watching.ts';

export interface ArgoServerApiOptions
  extends ArgoServerIdentityOptions, Omit<ServerCallerOptions, 'identity' | 'clock'> {}

const WATCH_FIELDS = `-${['metadata.managedFields', 'spec.templates', 'spec.podSpecPatch'].map((field) => `result.object.${field}`).join()}`;
/**
 * Bookmarks of the API server come through, about every minute. Whatever stands between cuts streams after five minutes as
 * a rule, and a server whose own reading was cut stops feeding a followed log without ending it: watches end before that by
 * themselves, quiet logs are begun anew.
 */
const STREAMS = { silenceMs: 90_000, watchSeconds: 240, logSilenceMs: 60_000 } as const;

/**
 * Workflows over the REST of an Argo Server, spoken to directly (no proxy). Throws `kube_config_invalid` where endpoint,
 * token or certificates cannot be used.
 */
export function createArgoServerApi(options: ArgoServerApiOptions): ArgoApi {
  const identity = argoServerIdentity(options);
  const caller = createServerCaller({ ...options, identity }, ARGO_SERVER);
  const { server, clusterId } = identity.place;
  return {
    transport: 'server',
    place: { id: clusterId, description: `Argo Server ${server}` },
    workflows: {
      create: (type, namespace, object, call) => create(caller, type, namespace, object, call),
      get: (type, namespace, name, call) => get(caller, type, namespace, name, call),
      list: (type, namespace, call) =>
        listAll({
          caller,
          about: about('list', type, namespace),
          path: collectionPath(type, namespace),
          type,
          options: call,
        }),
      watch: (type, namespace, { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal }) => {
        checkType(type);
        const path = withQuery(`/api/v1/workflow-events/${encodeURIComponent(namespace)}`, {
          'listOptions.labelSelector': labelSelector,
          'listOptions.fieldSelector': fieldSelector,
          'listOptions.resourceVersion': resourceVersion,
          'listOptions.timeoutSeconds': timeoutSeconds,
          'listOptions.allowWatchBookmarks': true,
          fields: WATCH_FIELDS,
        });
        const request = {
          about: about('watch', type, namespace),
          method: 'GET',
          path,
          accept: 'text/event-stream',
        } as const;
        return watchEvents(caller, request, type, signal);
      },
      delete: (type, namespace, name, call) => remove(caller, type, namespace, name, call),
      podLog: (namespace, pod, call) => openPodLog(caller, options.clock, namespace, pod, call),
    },
    listsAreFresh: false,
    streams: STREAMS,
    keepsAnnotations: false,
    shutdown: (namespace, name, how, call) => shutdown(caller, namespace, name, how, call),
    version: (call) => version(caller, call),
    close: () => {
      caller.close();
      return Promise.resolve();
    },
  };
}
