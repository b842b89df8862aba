import type { Clock, Random } from '@runner/core';
import { systemClock, systemRandom } from '@runner/core';
import type { KubeApi } from '../api/kube-api.ts';
import type { KubeIdentity } from '../identity/identity.ts';
import type { KubeObject, ResourceType } from '../objects.ts';
import { MemoryApiServer } from './server/memory-api-server.ts';
import type { TestLog } from './server/test-log.ts';

export type { TestLog } from './server/test-log.ts';

/** Something that goes wrong for the requests it matches, until it is taken back. */
export type ApiFault =
  /** Answered with this status; 429 may carry Retry-After. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** The connection is cut before an answer. With `applied`, after the request did its work. */
  | { readonly kind: 'reset'; readonly applied?: boolean }
  /** No answer ever. Watches and followed logs stay open and say nothing any more, even after this is taken back. */
  | { readonly kind: 'silence' }
  /** Watches are cut this often; followed logs when the target's verb is `log`. */
  | { readonly kind: 'cut_watches'; readonly everyMs: number }
  /** Watch events come twice, or this much later. */
  | { readonly kind: 'duplicate_events' }
  | { readonly kind: 'late_events'; readonly byMs: number }
  /**
   * Everything older than now is forgotten: open watches end with a 410, watches and pages that go on from before are
   * answered 410. Happens once; there is nothing to take back.
   */
  | { readonly kind: 'expire' };

export interface FaultTarget {
  /** As in RBAC: `create`, `get`, `list`, `watch`, `patch`, `update`, `delete`, and `log`. Default: all. */
  readonly verb?: string;
  /** `jobs`, `pods`. Default: all. */
  readonly resource?: string;
  /** How many requests it hits. Default: until it is taken back. */
  readonly times?: number;
}

export interface RecordedCall {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Path and query. */
  readonly path: string;
  /** 0 when there was no answer. */
  readonly status: number;
  /** What was sent, parsed. */
  readonly body: unknown;
}

/** One rule of a Role. `*` stands for everything. */
export interface TestRight {
  readonly group: string;
  /** `pods`, `pods/log`. */
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** `resourceNames`. Default: all. */
  readonly names?: readonly string[];
  /** Where its Role stands. Default: everywhere, as a ClusterRole. */
  readonly namespace?: string;
}

export interface TestDeletion {
  /** Default `Background`. */
  readonly propagation?: 'Foreground' | 'Background' | 'Orphan';
  /** Of pods. Default: that of the pod. */
  readonly graceSeconds?: number;
}

export interface TestApiServerOptions {
  /** Namespaces beside `default` and `kube-system`. */
  readonly namespaces?: readonly string[];
  /** Kinds beside those of the core, `batch` and Argo Workflows. */
  readonly kinds?: readonly ResourceType[];
  /** Milliseconds between the bookmarks of a watch. Default 60,000, as the real one. */
  readonly bookmarkMs?: number;
  /** Changes of a kind that are remembered; watches from before are answered 410. Default 10,000. */
  readonly historyLength?: number;
  /** What `/version` says. Default `v1.34.4`. */
  readonly version?: string;
  /** For how long a list in pages may be continued. Default 300,000. */
  readonly pageTokenMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * An API server in memory, on 127.0.0.1 over plain HTTP: resource versions, optimistic locking, label and field
 * selectors, paged lists, watches with bookmarks, merge patches, owner references and foreground deletion, quotas, RBAC,
 * access reviews, pod logs. It validates what runners depend on, not everything. Its behaviour is that of the real one
 * (1.34): the same suite runs against both. No controllers, scheduler or kubelet: see `startTestCluster`.
 */
export interface TestApiServer extends AsyncDisposable {
  readonly url: string;
  /** As the administrator; with `rights`, as somebody who may do exactly that. Each call makes another identity. */
  identity(rights?: readonly TestRight[], namespace?: string): KubeIdentity;
  /** A kubeconfig (JSON, which is YAML) for this server, for processes. `rights` as above. */
  kubeconfig(rights?: readonly TestRight[], namespace?: string): string;
  /** A bearer token; unknown ones are answered 401. */
  token(rights?: readonly TestRight[]): string;
  revoke(token: string): void;
  /** A client with quick retries; it is closed with the server. */
  api(rights?: readonly TestRight[], namespace?: string): KubeApi;
  /** What stands there now, by namespace and name. */
  objects<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[];
  /** The one of this name. */
  object<T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string): T | undefined;
  /**
   * Changes an object as a controller would, past RBAC, validation and faults; creates it when it is not there. The
   * object is replaced as a whole, status included; uid, creation time and version are the server's.
   */
  put<T extends KubeObject>(type: ResourceType<T>, object: T): T;
  /** Removes at once, whatever holds it. What it owned is collected. */
  remove(type: ResourceType, namespace: string, name: string): void;
  /** Deletes as a client would (grace, finalizers, dependents), past RBAC and faults. Nothing there is fine. */
  delete(type: ResourceType, namespace: string, name: string, how?: TestDeletion): void;
  /** Called after every change, in order. */
  onChange(
    listener: (type: ResourceType, event: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void,
  ): () => void;
  /** The log of a container, which the pod's log path serves, until the pod is gone. It is there from the first call on. */
  log(namespace: string, pod: string, container?: string): TestLog;
  /** Makes something go wrong; the function takes it back. */
  fault(fault: ApiFault, target?: FaultTarget): () => void;
  /** At most so many objects of a kind in a namespace (`count/jobs.batch`, `count/pods`, …), as a ResourceQuota would say. */
  quota(namespace: string, resource: string, most: number): void;
  /** What the quota says against one more object (the message of the 403), undefined when there is room. */
  overQuota(type: ResourceType, namespace: string, name: string): string | undefined;
  readonly calls: readonly RecordedCall[];
  /** Watches that are open now. */
  openWatches(): number;
  /** Stops listening and cuts everything; `start` begins again on the same port with the same objects. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts one on a free port; dispose it. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const server = new MemoryApiServer({ clock: systemClock(), random: systemRandom(), ...options });
  await server.start();
  return server;
}
