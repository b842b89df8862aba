import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, Random } from '@runner/core';
import { createKubeApi } from '../../api/create-kube-api.ts';
import type { KubeApi } from '../../api/kube-api.ts';
import type { KubeIdentity } from '../../identity/identity.ts';
import type { KubeObject, ResourceType } from '../../objects.ts';
import type {
  ApiFault,
  FaultTarget,
  RecordedCall,
  TestApiServer,
  TestApiServerOptions,
  TestRight,
} from '../api-server.ts';
import { Access } from './access.ts';
import { withDefaults } from './admission.ts';
import { collectGarbage, deleteObject, writeOrRelease } from './deletion.ts';
import { Faults } from './faults.ts';
import type { Kind } from './kinds.ts';
import { Kinds } from './kinds.ts';
import { Lists } from './listing.ts';
import { Quotas } from './quotas.ts';
import { Refusal } from './refusal.ts';
import { RequestHandler } from './request-handler.ts';
import { ObjectStore } from './store.ts';
import type { Json, Stored } from './stored.ts';
import { jsonAt } from './stored.ts';
import type { TestLog } from './test-log.ts';
import { ContainerLog } from './test-log.ts';

export interface MemoryApiServerOptions extends TestApiServerOptions {
  readonly clock: Clock;
  readonly random: Random;
}

type DeleteOptions = Exclude<Parameters<TestApiServer['delete']>[3], undefined>;

const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const QUICK_RETRIES = { floorMs: 2, capMs: 50 };
const PRESET_NAMESPACES = ['default', 'kube-system'];
/** The collector comes by for what belongs to nothing. */
const COLLECT_MS = 50;

/** Holds the parts together; each of them is a file of its own. */
export class MemoryApiServer implements TestApiServer {
  readonly calls: RecordedCall[] = [];
  readonly #options: MemoryApiServerOptions;
  readonly #kinds: Kinds;
  readonly #store: ObjectStore;
  readonly #access: Access;
  readonly #faults: Faults;
  readonly #lists: Lists;
  readonly #quotas: Quotas;
  readonly #logs = new Map<string, ContainerLog>();
  readonly #handler: RequestHandler;
  readonly #endings: (() => void)[] = [];
  readonly #clients: KubeApi[] = [];
  #http: Server | undefined;
  #port = 0;

  constructor(options: MemoryApiServerOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.#kinds = new Kinds(options.kinds ?? []);
    this.#store = new ObjectStore({ clock, random, historyLength: options.historyLength ?? 10_000 });
    this.#access = new Access(random);
    this.#faults = new Faults(clock);
    this.#quotas = new Quotas(this.#store);
    const pageTokenMs = options.pageTokenMs ?? 300_000;
    this.#lists = new Lists({ store: this.#store, clock, random, pageTokenMs });
    this.#endings.push(collectGarbage(this.#store));
    const namespaces = this.#kinds.of(NAMESPACES);
    this.#handler = new RequestHandler({
      kinds: this.#kinds,
      access: this.#access,
      faults: this.#faults,
      lists: this.#lists,
      clock,
      bookmarkMs: options.bookmarkMs ?? 60_000,
      record: (call) => void this.calls.push(call),
      log: (namespace, pod, container) => this.#log(namespace, pod, container),
      writing: {
        store: this.#store,
        quotas: this.#quotas,
        namespaces,
        orphaned: (kind, object) => this.#collectLater(kind, object),
      },
    });
    for (const name of [...PRESET_NAMESPACES, ...(options.namespaces ?? [])]) {
      this.put(NAMESPACES, { metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } });
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  token(rights?: readonly TestRight[]): string {
    return this.#access.token(rights);
  }

  revoke(token: string): void {
    this.#access.revoke(token);
  }

  identity(rights?: readonly TestRight[], namespace = 'default'): KubeIdentity {
    const authorization = `Bearer ${this.token(rights)}`;
    const clusterId = createHash('sha256').update(this.url).digest('hex');
    return {
      place: { server: this.url, clusterId, namespace },
      authorization: () => Promise.resolve(authorization),
    };
  }

  kubeconfig(rights?: readonly TestRight[], namespace = 'default'): string {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: this.url } }],
      users: [{ name: 'test', user: { token: this.token(rights) } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    };
    return JSON.stringify(config, undefined, 2);
  }

  api(rights?: readonly TestRight[], namespace?: string): KubeApi {
    const { clock, random } = this.#options;
    const identity = this.identity(rights, namespace);
    const api = createKubeApi({ identity, clock, random, retry: QUICK_RETRIES });
    this.#clients.push(api);
    return api;
  }

  objects<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[] {
    return this.#store.list(this.#kinds.of(type), namespace) as unknown as readonly T[];
  }

  put<T extends KubeObject>(type: ResourceType<T>, object: T): T {
    const kind = this.#kinds.of(type);
    const name = object.metadata?.name ?? '';
    const namespace = kind.namespaced ? (object.metadata?.namespace ?? 'default') : undefined;
    const previous = this.#store.get(kind, namespace, name);
    const owned = previous === undefined ? this.#store.birth() : pick(previous);
    const uid = previous === undefined ? (object.metadata?.uid ?? owned.uid) : owned.uid;
    const body = { ...object } as Json;
    const complete = previous === undefined ? withDefaults(kind, body, uid) : body;
    const status = jsonAt(body, 'status');
    const stored = {
      ...complete,
      ...(Object.keys(status).length === 0 ? {} : { status }),
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: {
        ...owned,
        ...jsonAt(complete, 'metadata'),
        uid,
        ...(namespace === undefined ? {} : { namespace }),
        name,
        resourceVersion: '',
      },
    } as unknown as Stored;
    const held = (previous?.metadata.finalizers ?? []).length > 0;
    const kept = held ? writeOrRelease(this.#store, kind, stored) : this.#store.write(kind, stored);
    return kept as unknown as T;
  }

  remove(type: ResourceType, namespace: string, name: string): void {
    const kind = this.#kinds.of(type);
    const object = this.#store.get(kind, namespace, name);
    if (object !== undefined) this.#store.remove(kind, object);
  }

  object<T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string): T | undefined {
    return this.#store.get(this.#kinds.of(type), namespace, name) as unknown as T | undefined;
  }

  delete(type: ResourceType, namespace: string, name: string, options: DeleteOptions = {}): void {
    const kind = this.#kinds.of(type);
    const object = this.#store.get(kind, namespace, name);
    if (object === undefined) return;
    deleteObject(this.#store, kind, object, {
      propagation: options.propagation ?? 'Background',
      graceSeconds: options.graceSeconds,
    });
  }

  onChange(
    listener: (type: ResourceType, event: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void,
  ): () => void {
    return this.#store.listen(({ kind, type, object }) => listener(kind, type, object));
  }

  log(namespace: string, pod: string, container = 'main'): TestLog {
    return this.#log(namespace, pod, container);
  }

  fault(fault: ApiFault, target: FaultTarget = {}): () => void {
    if (fault.kind === 'expire') {
      this.#store.compact((kind) => (target.resource ?? kind.plural) === kind.plural);
      this.#lists.forget();
    }
    return this.#faults.add(fault, target);
  }

  quota(namespace: string, resource: string, most: number): void {
    this.#quotas.set(namespace, resource, most);
  }

  overQuota(type: ResourceType, namespace: string, name: string): string | undefined {
    try {
      this.#quotas.admit(this.#kinds.of(type), namespace, name);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      throw error;
    }
  }

  openWatches(): number {
    return this.#faults.openWatches;
  }

  async start(): Promise<void> {
    if (this.#http !== undefined) return;
    const http = createServer((request, response) => this.#handler.handle(request, response));
    // Longer than any client keeps a connection, so that reuse never meets a closing server.
    http.keepAliveTimeout = 120_000;
    http.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#http = http;
    this.#port = (http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    if (http === undefined) return;
    await new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#endings.splice(0)) end();
    this.#faults.close();
    await Promise.all(this.#clients.splice(0).map((api) => api.close()));
    await this.stop();
  }

  #log(namespace: string, pod: string, container: string): ContainerLog {
    const key = `${namespace}/${pod}/${container}`;
    let log = this.#logs.get(key);
    if (log === undefined) {
      log = new ContainerLog(this.#options.clock);
      this.#logs.set(key, log);
    }
    return log;
  }

  #collectLater(kind: Kind, object: Stored): void {
    const timer = this.#options.clock.setTimer(COLLECT_MS, () => {
      const current = this.#store.byUid(object.metadata.uid)?.object;
      const owners = current?.metadata.ownerReferences ?? [];
      if (current === undefined || owners.length === 0 || owners.some((owner) => this.#store.exists(owner.uid))) return;
      deleteObject(this.#store, kind, current, { propagation: 'Background', graceSeconds: undefined });
    });
    this.#endings.push(() => timer.cancel());
  }
}

function pick(object: Stored): {
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly generation?: number;
} {
  const { uid, creationTimestamp, generation } = object.metadata;
  return { uid, creationTimestamp, ...(generation === undefined ? {} : { generation }) };
}
