import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { systemClock } from '@runner/core';
import type { Job, KubeIdentity } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { serve } from '../measure/questions.ts';

/** A loop that creates Jobs and does nothing else: no client, no retries, no looking at what comes back but its status. */
export interface BareCreator {
  open(options: { readonly kubeconfig: string; readonly namespace: string; readonly atOnce: number }): Promise<void>;
  /** Creates that many Jobs like this one, so many at once; milliseconds from the first request to the last answer. */
  create(like: Job, count: number): Promise<number>;
}

const clock = systemClock({ keepAlive: true });
let post: ((body: string) => Promise<void>) | undefined;
let workers = 0;
let made = 0;

serve<BareCreator>({
  open: async ({ kubeconfig, namespace, atOnce }) => {
    const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
    post = await poster(identity, `/apis/batch/v1/namespaces/${namespace}/jobs`, atOnce);
    workers = atOnce;
  },
  create: async (like, count) => {
    const bodies = Array.from({ length: count }, () => JSON.stringify(renamed(like)));
    const began = clock.monotonic();
    await Promise.all(
      Array.from({ length: workers }, async () => {
        for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) await post?.(body);
      }),
    );
    return clock.monotonic() - began;
  },
});

function renamed(job: Job): Job {
  made += 1;
  return { ...job, metadata: { ...job.metadata, name: `bare-${made}` } };
}

async function poster(identity: KubeIdentity, path: string, atOnce: number): Promise<(body: string) => Promise<void>> {
  const url = new URL(path, identity.place.server);
  const authorization = await identity.authorization({ refresh: false, signal: new AbortController().signal });
  const secure = url.protocol === 'https:';
  const pool = { keepAlive: true, maxSockets: atOnce };
  const { certificate: cert, key } = identity.clientCertificate ?? {};
  const options = {
    method: 'POST',
    agent: secure ? new HttpsAgent(pool) : new HttpAgent(pool),
    ca: identity.certificateAuthority,
    cert,
    key,
  };
  return (body) =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(authorization === undefined ? {} : { authorization }),
      };
      const outgoing = (secure ? httpsRequest : httpRequest)(url, { ...options, headers }, (answer) => {
        answer.resume().once('end', () => {
          if (answer.statusCode === 201) resolve();
          else reject(new Error(`a Job was answered ${answer.statusCode}`));
        });
      });
      outgoing.once('error', reject).end(body);
    });
}
