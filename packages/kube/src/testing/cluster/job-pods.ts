import type { Job, Pod } from '../../objects.ts';
import { PODS } from '../../objects.ts';
import type { TestApiServer } from '../api-server.ts';
import { withFinalizers } from '../server/stored.ts';
import { TRACKING, isTracked } from './job-status.ts';

/** What a Job's template becomes. */
export function podOf(job: Job, name: string): Pod {
  const { template } = job.spec ?? {};
  const { labels, annotations } = template?.metadata ?? {};
  const { namespace = '', uid = '', name: jobName = '' } = job.metadata ?? {};
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: jobName, uid, controller: true, blockOwnerDeletion: true };
  return {
    metadata: {
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...{ name, generateName: `${jobName}-`, namespace, generation: 1 },
      finalizers: [TRACKING],
      ownerReferences: [owner],
    },
    ...(template?.spec === undefined ? {} : { spec: template.spec }),
  };
}

/** The pods of Jobs, by the uid of the Job. */
export class JobPods {
  readonly #server: TestApiServer;
  readonly #names = new Map<string, Set<string>>();

  constructor(server: TestApiServer) {
    this.#server = server;
  }

  seen(owner: string, pod: string, gone: boolean): void {
    const names = this.#names.get(owner) ?? new Set<string>();
    if (gone) names.delete(pod);
    else names.add(pod);
    if (names.size === 0) this.#names.delete(owner);
    else this.#names.set(owner, names);
  }

  of(job: Job): readonly Pod[] {
    const { namespace = '', uid = '' } = job.metadata ?? {};
    const names = [...(this.#names.get(uid) ?? [])];
    return names.map((name) => this.#server.object(PODS, namespace, name)).filter((pod) => pod !== undefined);
  }

  /** Takes the finalizer away by which the controller holds a pod until it is counted. */
  release(pods: readonly Pod[]): void {
    for (const { metadata } of pods) {
      const pod = this.#server.object(PODS, metadata?.namespace ?? '', metadata?.name ?? '');
      if (pod?.metadata === undefined || !isTracked(pod)) continue;
      const finalizers = (pod.metadata.finalizers ?? []).filter((one) => one !== TRACKING);
      this.#server.put(PODS, { ...pod, metadata: withFinalizers(pod.metadata, finalizers) });
    }
  }
}
