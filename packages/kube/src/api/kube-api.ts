import type { KubeObject, ResourceType } from '../objects.ts';

/**
 * Every call takes a signal; each also has a deadline of its own (default 30 s, repetitions included; for a list: each
 * page; for watches and logs: until the server begins to answer).
 */
export interface CallOptions {
  readonly signal: AbortSignal;
}

export interface ListOptions<T, Kept = T> extends CallOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects asked for at once; pages are fetched until the end. Default 100: a page is in memory as a whole, and Jobs with their configs are large. */
  readonly pageSize?: number;
  /**
   * Applied to each object as soon as it is read, so that a page of full objects does not stay in memory.
   * Default: the object as it is.
   */
  readonly keep?: (object: T) => Kept;
}

export interface KubeList<T> {
  readonly items: readonly T[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
}

export interface WatchOptions extends CallOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  /** After which the server ends the watch by itself. */
  readonly timeoutSeconds: number;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** Nothing changed; the watch may go on from here. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface DeleteOptions extends CallOptions {
  /** Only this very object; another one of the same name is left alone (`kube_conflict`). */
  readonly uid?: string;
  /** `Foreground` (default): the object stays, marked, until its dependents are gone. */
  readonly propagation?: 'Foreground' | 'Background' | 'Orphan';
  readonly graceSeconds?: number;
}

export interface PodLogOptions extends CallOptions {
  readonly container: string;
  readonly follow?: boolean;
  /** RFC 3339, whole seconds. */
  readonly sinceTime?: string;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Each line begins with its time (RFC 3339, nanoseconds) and a blank. */
  readonly timestamps?: boolean;
}

/** A right, as RBAC writes it. */
export interface AccessRight {
  readonly verb: string;
  /** '' for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface CreateResult<T> {
  readonly object: T;
  /**
   * True when the server said that this very request created it. False when an object of this name stood already (409):
   * that one is given. False does not mean that somebody else made it: when the answer to a create is lost, the repeated
   * request finds what the first one made. Whoever needs to know compares what is given, its labels say whose it is.
   */
  readonly created: boolean;
}

/** Where an API server is, for scopes and messages. */
export interface KubePlace {
  /** URL of the API server. */
  readonly server: string;
  /** SHA-256 (hex) of the cluster's CA, or of the server's URL where there is none: names the cluster. */
  readonly clusterId: string;
  /** The namespace that the identity names (service account file, kubeconfig context). */
  readonly namespace: string | undefined;
}

/**
 * The part of the Kubernetes API that runners need, spoken over kept-alive HTTPS. Errors are `kubeError`s. Reads and
 * deletes, and creates of named objects, are repeated by the client on 429 (after Retry-After), 5xx and cut connections,
 * with jitter, until the deadline of the call. Unknown fields of answers are kept.
 */
export interface KubeApi {
  readonly place: KubePlace;
  /** The object needs a name. 409 means it exists: it is fetched and given with `created: false`. */
  create<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string,
    object: T,
    options: CallOptions,
  ): Promise<CreateResult<T>>;
  /** Undefined when there is none (404 of the object; a missing kind is `kube_not_found`). */
  get<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string,
    name: string,
    options: CallOptions,
  ): Promise<T | undefined>;
  /**
   * A consistent (quorum) read of all pages; begins again when a page token expired (410). Namespace `''`: all of them,
   * as for `watch`. A namespace that does not exist has no objects and is no error, here and in `get`.
   */
  list<T extends KubeObject, Kept = T>(
    type: ResourceType<T>,
    namespace: string,
    options: ListOptions<T, Kept>,
  ): Promise<KubeList<Kept>>;
  /**
   * JSON merge patch. With `metadata.resourceVersion` in it, a change in between is `kube_conflict`; so is our own, when
   * the answer to it was lost: read again before judging. Undefined when there is no such object.
   */
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string,
    name: string,
    patch: Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<T | undefined>;
  /** 404 is done. Resolves when the API accepted it; dependents may still be going. */
  delete<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string,
    name: string,
    options: DeleteOptions,
  ): Promise<void>;
  /**
   * One connection of changes; ends when the server ends it, throws when it breaks (`kube_expired` on 410, also when it
   * comes as an ERROR event). Use `createListWatch` unless you want exactly one connection.
   */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    namespace: string,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
  /**
   * Raw bytes of a container's log. Undefined when the pod is not there or the container has not begun; a container that
   * the pod does not have is `kube_invalid`. Iterate it or abort the signal: until then it holds a connection.
   */
  podLog(namespace: string, pod: string, options: PodLogOptions): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** SelfSubjectAccessReview: may this identity do that? */
  mayI(right: AccessRight, options: CallOptions): Promise<boolean>;
  /** `v1.34.4`. */
  version(options: CallOptions): Promise<string>;
  /** Closes the connections. Idempotent; later calls fail with `kube_unreachable`. */
  close(): Promise<void>;
}

/** For metrics and for counting calls. Called synchronously, must not throw. */
export interface KubeObserver {
  /**
   * One HTTP request was answered (or failed: status 0); streams are told when they open. `verb` and `resource` as in
   * RBAC: create, get, list, watch, …; `jobs`, `pods/log`.
   */
  called?(call: {
    readonly verb: string;
    readonly resource: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
}
