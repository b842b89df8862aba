import { systemClock } from '@runner/core';
import type { KubeObject } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import type { BareHttp } from '../measure/bare-http.ts';
import { bareHttp } from '../measure/bare-http.ts';
import { serve } from '../measure/questions.ts';
import type { Made } from '../measure/rounds.ts';
import { stopwatch } from '../measure/rounds.ts';

/** Where objects are posted: at the API server of this kubeconfig, or at an Argo Server. */
export type BarePlace = KubernetesPlace | ArgoServerPlace;

interface KubernetesPlace {
  readonly kubeconfig: string;
  readonly collection: 'batch/v1/jobs' | 'argoproj.io/v1alpha1/workflows';
}

interface ArgoServerPlace {
  readonly endpoint: string;
  readonly token: string;
}

type Labels = Readonly<Record<string, string>>;

/**
 * A loop that creates objects and does nothing else: no client, and of what comes back it looks at the status. Told that
 * it is too much (429), it waits for as long as it is asked to, which is part of its time, as it is of everybody's.
 */
export interface BareCreator {
  open(options: { readonly place: BarePlace; readonly namespace: string; readonly atOnce: number }): Promise<void>;
  /** Creates that many objects like this one, with these labels, so many at once. */
  create(like: KubeObject, count: number, labels?: Labels): Promise<Made>;
  /** Opens the watches that an executor has, for objects with these labels, and throws away what they tell. */
  watch(labels: Labels): void;
}

/** Waits for a server that does not say how long, and the longest wait for one that does, in seconds. */
const WAIT = { unsaid: 1, most: 10 } as const;
/** How often one object may be refused. */
const MOST_REFUSALS = 20;

interface Opened {
  readonly http: BareHttp;
  readonly path: string;
  readonly watches: (selector: string) => readonly string[];
  readonly wrapped: (object: KubeObject) => unknown;
  readonly workers: number;
}

const clock = systemClock({ keepAlive: true });
let opened: Opened | undefined;
let made = 0;

function current(): Opened {
  if (opened === undefined) throw new Error('it was not opened yet');
  return opened;
}

serve<BareCreator>({
  open: async ({ place, namespace, atOnce }) => {
    opened = 'endpoint' in place ? atArgo(place, namespace, atOnce) : await atKubernetes(place, namespace, atOnce);
  },
  create: async (like, count, labels = {}) => {
    const { wrapped, workers } = current();
    const bodies = Array.from({ length: count }, () => JSON.stringify(wrapped(renamed(like, labels))));
    const watch = stopwatch(clock);
    let throttled = 0;
    await Promise.all(
      Array.from({ length: workers }, async () => {
        for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
          const refusals = await post(body);
          throttled += refusals;
        }
      }),
    );
    return { ...watch(), count, throttled };
  },
  watch: (labels) => {
    const { http, watches } = current();
    const selector = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const accept = 'text/event-stream, application/json';
    for (const path of watches(encodeURIComponent(selector.join()))) http.stream(path, accept);
  },
});

/** How often it was refused before it was taken. */
async function post(body: string): Promise<number> {
  const { http, path } = current();
  for (let refusals = 0; ; refusals += 1) {
    const { status, retryAfter = WAIT.unsaid } = await http.post(path, body);
    if (status === 201 || status === 200) return refusals;
    if (status !== 429 || refusals >= MOST_REFUSALS) throw new Error(`an object was answered ${status}`);
    await clock.sleep(Math.min(retryAfter, WAIT.most) * 1_000, new AbortController().signal);
  }
}

function renamed(object: KubeObject, labels: Labels): KubeObject {
  made += 1;
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, name: `bare-${made}`, labels: { ...metadata?.labels, ...labels } } };
}

function atArgo({ endpoint, token }: ArgoServerPlace, namespace: string, atOnce: number): Opened {
  const fields = ['metadata.managedFields', 'spec.templates', 'spec.podSpecPatch'];
  const left = `-${fields.map((field) => `result.object.${field}`).join()}`;
  return {
    http: bareHttp({ url: endpoint, authorization: `Bearer ${token}`, atOnce }),
    path: `/api/v1/workflows/${namespace}`,
    watches: (selector) => [
      `/api/v1/workflow-events/${namespace}?listOptions.labelSelector=${selector}&fields=${left}`,
    ],
    wrapped: (workflow) => ({ namespace, workflow }),
    workers: atOnce,
  };
}

async function atKubernetes(
  { kubeconfig, collection }: KubernetesPlace,
  namespace: string,
  atOnce: number,
): Promise<Opened> {
  const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
  const authorization = await identity.authorization({ refresh: false, signal: new AbortController().signal });
  const [group, version, plural] = collection.split('/');
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
  return {
    http: bareHttp({ url: identity.place.server, authorization, identity, atOnce }),
    path,
    watches: (selector) =>
      [path, `/api/v1/namespaces/${namespace}/pods`].map((of) => `${of}?watch=true&labelSelector=${selector}`),
    wrapped: (object) => object,
    workers: atOnce,
  };
}
