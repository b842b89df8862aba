import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { systemClock } from '@runner/core';
import type { KubeIdentity, KubeObject } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { serve } from '../measure/questions.ts';

/** Where objects are posted: at the API server of this kubeconfig, or at an Argo Server. */
export type BarePlace =
  | { readonly kubeconfig: string; readonly collection: 'batch/v1/jobs' | 'argoproj.io/v1alpha1/workflows' }
  | { readonly endpoint: string; readonly token: string };

/** A loop that creates objects and does nothing else: no client, no retries, no looking at what comes back but its status. */
export interface BareCreator {
  open(options: { readonly place: BarePlace; readonly namespace: string; readonly atOnce: number }): Promise<void>;
  /** Creates that many objects like this one, so many at once; milliseconds from the first request to the last answer. */
  create(like: KubeObject, count: number): Promise<number>;
}

const clock = systemClock({ keepAlive: true });
let post: ((body: string) => Promise<void>) | undefined;
let wrapped = (object: KubeObject): unknown => object;
let workers = 0;
let made = 0;

serve<BareCreator>({
  open: async ({ place, namespace, atOnce }) => {
    workers = atOnce;
    if ('endpoint' in place) {
      const url = new URL(`/api/v1/workflows/${namespace}`, place.endpoint);
      post = poster(url, { authorization: `Bearer ${place.token}` }, atOnce);
      wrapped = (workflow) => ({ namespace, workflow });
      return;
    }
    const identity = await kubeconfigIdentity({ path: place.kubeconfig, clock });
    const [group, version, plural] = place.collection.split('/');
    const url = new URL(`/apis/${group}/${version}/namespaces/${namespace}/${plural}`, identity.place.server);
    const authorization = await identity.authorization({ refresh: false, signal: new AbortController().signal });
    post = poster(url, authorization === undefined ? {} : { authorization }, atOnce, identity);
  },
  create: async (like, count) => {
    const bodies = Array.from({ length: count }, () => JSON.stringify(wrapped(renamed(like))));
    const began = clock.monotonic();
    await Promise.all(
      Array.from({ length: workers }, async () => {
        for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) await post?.(body);
      }),
    );
    return clock.monotonic() - began;
  },
});

function renamed(object: KubeObject): KubeObject {
  made += 1;
  return { ...object, metadata: { ...object.metadata, name: `bare-${made}` } };
}

function poster(
  url: URL,
  authorization: Readonly<Record<string, string>>,
  atOnce: number,
  identity?: KubeIdentity,
): (body: string) => Promise<void> {
  const secure = url.protocol === 'https:';
  const pool = { keepAlive: true, maxSockets: atOnce };
  const { certificate: cert, key } = identity?.clientCertificate ?? {};
  const options = {
    method: 'POST',
    agent: secure ? new HttpsAgent(pool) : new HttpAgent(pool),
    ca: identity?.certificateAuthority,
    cert,
    key,
  };
  return (body) =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...authorization,
      };
      const outgoing = (secure ? httpsRequest : httpRequest)(url, { ...options, headers }, (answer) => {
        answer.resume().once('end', () => {
          if (answer.statusCode === 201 || answer.statusCode === 200) resolve();
          else reject(new Error(`an object was answered ${answer.statusCode}`));
        });
      });
      outgoing.once('error', reject).end(body);
    });
}
