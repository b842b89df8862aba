import type { KubeApi } from '../api/kube-api.ts';
import type { KubeIdentity } from '../identity/identity.ts';
import type { KubeObject, ResourceType } from '../objects.ts';

/** Something that goes wrong for the requests it matches, until it is taken back. */
export type ApiFault =
  /** Answered with this status; 429 may carry Retry-After. */
  | { readonly kind: 'status'; readonly status: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection is cut before an answer. With `applied`, after the request did its work. */
  | { readonly kind: 'reset'; readonly applied?: boolean }
  /** No answer ever; watches stay open and silent. */
  | { readonly kind: 'silence' }
  /** Watches are cut this often. */
  | { readonly kind: 'cut_watches'; readonly everyMs: number }
  /** Watch events come twice, or this much later. */
  | { readonly kind: 'duplicate_events' }
  | { readonly kind: 'late_events'; readonly byMs: number }
  /** Watches and continued lists older than now are answered 410. */
  | { readonly kind: 'expire' };

export interface FaultTarget {
  /** As in RBAC: `create`, `get`, `list`, `watch`, `patch`, `delete`, `log`. Default: all. */
  readonly verb?: string;
  /** `jobs`, `pods`. Default: all. */
  readonly resource?: string;
  /** How many requests it hits. Default: until it is taken back. */
  readonly times?: number;
}

export interface RecordedCall {
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
  readonly status: number;
  /** What was sent, parsed. */
  readonly body: unknown;
}

/**
 * An API server in memory, on 127.0.0.1 over plain HTTP: resource versions, optimistic locking, label and field
 * selectors, paged lists, watches with bookmarks, merge patches, owner references and foreground deletion, quotas, RBAC,
 * access reviews, pod logs. It validates what runners depend on, not everything. Its behaviour is that of the real one:
 * the same suite runs against both.
 */
export interface TestApiServer extends AsyncDisposable {
  readonly url: string;
  /** As the administrator; with `rights`, as somebody who may do exactly that. */
  identity(rights?: readonly TestRight[]): KubeIdentity;
  /** A kubeconfig (YAML) for this server, for processes. `rights` as above. */
  kubeconfig(rights?: readonly TestRight[], namespace?: string): string;
  /** A client with quick retries. */
  api(rights?: readonly TestRight[]): KubeApi;
  /** What stands there now. */
  objects<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[];
  /** Changes an object as a controller would, past RBAC, validation and faults; creates it when it is not there. */
  put<T extends KubeObject>(type: ResourceType<T>, object: T): T;
  remove(type: ResourceType, namespace: string, name: string): void;
  /** Called after every change, in order. */
  onChange(
    listener: (type: ResourceType, event: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void,
  ): () => void;
  /** Makes something go wrong; the function takes it back. */
  fault(fault: ApiFault, target?: FaultTarget): () => void;
  /** At most so many objects of a kind in a namespace (`count/jobs.batch`, `count/pods`, …), as a ResourceQuota would say. */
  quota(namespace: string, resource: string, most: number): void;
  readonly calls: readonly RecordedCall[];
  /** Watches that are open now. */
  openWatches(): number;
  /** Stops listening and cuts everything; `start` begins again on the same port with the same objects. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** One rule of a Role. */
export interface TestRight {
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
