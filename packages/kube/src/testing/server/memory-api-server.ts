import type { Clock, Random } from '@runner/core';
import { Listener } from '@runner/core/testing';
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
  TestDeletion,
  TestRight,
} from '../api-server.ts';
import { Access } from './access.ts';
import { tokenIdentity, tokenKubeconfig } from './credentials.ts';
import { deleteObject } from './deletion.ts';
import { Faults } from './faults.ts';
import { GarbageCollector } from './garbage.ts';
import { Kinds } from './kinds.ts';
import { Lists } from './listing.ts';
import { putObject } from './putting.ts';
import { Quotas } from './quotas.ts';
import { Refusal } from './refusal.ts';
import { RequestHandler } from './request-handler.ts';
import type { Change } from './store.ts';
import { ObjectStore } from './store.ts';
import { listAt, textAt } from './stored.ts';
import type { TestLog } from './test-log.ts';
import { ContainerLog } from './test-log.ts';

export interface MemoryApiServerOptions extends TestApiServerOptions {
  readonly clock: Clock;
  readonly random: Random;
}

const NAMESPACES: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const PRESET_NAMESPACES = ['default', 'kube-system'];
const QUICK_RETRIES = { floorMs: 2, capMs: 50 };

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
  readonly #garbage: GarbageCollector;
  readonly #listener: Listener;
  readonly #logs = new Map<string, ContainerLog>();
  readonly #clients: KubeApi[] = [];

  constructor(options: MemoryApiServerOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.#kinds = new Kinds(options.kinds ?? []);
    this.#store = new ObjectStore({ clock, random, historyLength: options.historyLength ?? 10_000 });
    this.#access = new Access(random);
    this.#faults = new Faults(clock);
    this.#quotas = new Quotas(this.#store);
    this.#lists = new Lists({ store: this.#store, clock, random, pageTokenMs: options.pageTokenMs ?? 300_000 });
    this.#garbage = new GarbageCollector(this.#store, clock);
    this.#store.listen((change) => this.#dropLogs(change));
    const handler = this.#handler();
    this.#listener = new Listener((request, response) => handler.handle(request, response));
    for (const name of [...PRESET_NAMESPACES, ...(options.namespaces ?? [])]) {
      this.put(NAMESPACES, { metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } });
    }
  }

  get url(): string {
    return this.#listener.url;
  }

  token(rights?: readonly TestRight[]): string {
    return this.#access.token(rights);
  }

  revoke(token: string): void {
    this.#access.revoke(token);
  }

  identity(rights?: readonly TestRight[], namespace = 'default'): KubeIdentity {
    return tokenIdentity(this.url, this.token(rights), namespace);
  }

  kubeconfig(rights?: readonly TestRight[], namespace = 'default'): string {
    return tokenKubeconfig(this.url, this.token(rights), namespace);
  }

  api(rights?: readonly TestRight[], namespace?: string): KubeApi {
    const { clock, random } = this.#options;
    const api = createKubeApi({ identity: this.identity(rights, namespace), clock, random, retry: QUICK_RETRIES });
    this.#clients.push(api);
    return api;
  }

  objects<T extends KubeObject>(type: ResourceType<T>, namespace?: string): readonly T[] {
    return this.#store.list(this.#kinds.of(type), namespace) as unknown as readonly T[];
  }

  object<T extends KubeObject>(type: ResourceType<T>, namespace: string, name: string): T | undefined {
    return this.#store.get(this.#kinds.of(type), namespace, name) as unknown as T | undefined;
  }

  put<T extends KubeObject>(type: ResourceType<T>, object: T): T {
    return putObject(this.#store, this.#kinds.of(type), object) as unknown as T;
  }

  remove(type: ResourceType, namespace: string, name: string): void {
    const kind = this.#kinds.of(type);
    const object = this.#store.get(kind, namespace, name);
    if (object !== undefined) this.#store.remove(kind, object);
  }

  delete(type: ResourceType, namespace: string, name: string, how: TestDeletion = {}): void {
    const kind = this.#kinds.of(type);
    const object = this.#store.get(kind, namespace, name);
    const { propagation = 'Background', graceSeconds } = how;
    if (object !== undefined) deleteObject(this.#store, kind, object, { propagation, graceSeconds });
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

  start(): Promise<void> {
    return this.#listener.open();
  }

  stop(): Promise<void> {
    return this.#listener.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#garbage.close();
    this.#faults.close();
    await Promise.all(this.#clients.splice(0).map((api) => api.close()));
    await this.stop();
  }

  #handler(): RequestHandler {
    return new RequestHandler({
      kinds: this.#kinds,
      access: this.#access,
      faults: this.#faults,
      lists: this.#lists,
      clock: this.#options.clock,
      bookmarkMs: this.#options.bookmarkMs ?? 60_000,
      version: this.#options.version ?? 'v1.34.4',
      record: (call) => this.calls.push(call),
      log: (namespace, pod, container) => this.#log(namespace, pod, container),
      writing: {
        store: this.#store,
        quotas: this.#quotas,
        namespaces: this.#kinds.of(NAMESPACES),
        orphaned: (kind, object) => this.#garbage.later(kind, object),
      },
    });
  }

  /** The log of a pod goes with it; readers who follow are done. */
  #dropLogs({ kind, type, object }: Change): void {
    if (kind.resource !== 'pods' || type !== 'DELETED') return;
    for (const container of listAt(object, 'spec', 'containers')) {
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}/${textAt(container, 'name') ?? ''}`;
      this.#logs.get(key)?.end();
      this.#logs.delete(key);
    }
  }

  #log(namespace: string, pod: string, container: string): ContainerLog {
    const key = `${namespace}/${pod}/${container}`;
    const log = this.#logs.get(key) ?? new ContainerLog(this.#options.clock);
    this.#logs.set(key, log);
    return log;
  }
}
