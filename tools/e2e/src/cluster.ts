import { request as httpsRequest } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

export interface Json {
  readonly [key: string]: unknown;
}

/** Any object of the API, as far as tests look into it. */
export interface KubeObject extends Json {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly spec?: Json;
  readonly status?: Json;
}

/** Where the objects of a kind are. */
const PLACES = {
  Namespace: ['/api/v1', 'namespaces'],
  Node: ['/api/v1', 'nodes'],
  Pod: ['/api/v1', 'pods'],
  Secret: ['/api/v1', 'secrets'],
  ConfigMap: ['/api/v1', 'configmaps'],
  Event: ['/api/v1', 'events'],
  LimitRange: ['/api/v1', 'limitranges'],
  ResourceQuota: ['/api/v1', 'resourcequotas'],
  ServiceAccount: ['/api/v1', 'serviceaccounts'],
  Job: ['/apis/batch/v1', 'jobs'],
  Workflow: ['/apis/argoproj.io/v1alpha1', 'workflows'],
  Lease: ['/apis/coordination.k8s.io/v1', 'leases'],
  Role: ['/apis/rbac.authorization.k8s.io/v1', 'roles'],
  RoleBinding: ['/apis/rbac.authorization.k8s.io/v1', 'rolebindings'],
  ClusterRole: ['/apis/rbac.authorization.k8s.io/v1', 'clusterroles'],
  ClusterRoleBinding: ['/apis/rbac.authorization.k8s.io/v1', 'clusterrolebindings'],
  CustomResourceDefinition: ['/apis/apiextensions.k8s.io/v1', 'customresourcedefinitions'],
  ValidatingAdmissionPolicy: ['/apis/admissionregistration.k8s.io/v1', 'validatingadmissionpolicies'],
  ValidatingAdmissionPolicyBinding: ['/apis/admissionregistration.k8s.io/v1', 'validatingadmissionpolicybindings'],
} as const;
export type Kind = keyof typeof PLACES;

const TIMEOUT_MS = 20_000;

export interface Removal {
  readonly graceSeconds?: number;
  /** What becomes of what it owns. Default `Background`: it is deleted. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

/** The API server as its administrator sees it, by the KUBECONFIG of the tests and not by our own client. */
export interface Cluster {
  readonly server: string;
  /** PEM of its certificate authority. */
  readonly certificateAuthority: string;
  create(kind: Kind, namespace: string | undefined, body: Json): Promise<KubeObject>;
  /** Undefined when there is none. */
  find(kind: Kind, namespace: string | undefined, name: string): Promise<KubeObject | undefined>;
  list(kind: Kind, namespace: string | undefined, labelSelector?: string): Promise<readonly KubeObject[]>;
  /** A merge patch; `part` is a subresource such as `status`. */
  patch(kind: Kind, namespace: string | undefined, name: string, patch: Json, part?: string): Promise<KubeObject>;
  /** Deletes it; no error when there is none. */
  remove(kind: Kind, namespace: string | undefined, name: string, how?: Removal): Promise<void>;
  /** Asks for the eviction of a pod, as kubectl drain does. */
  evict(namespace: string, pod: string): Promise<void>;
  /** A token of this service account, good for a day where the cluster allows that, or until this Secret is deleted. */
  token(namespace: string, serviceAccount: string, boundTo?: KubeObject): Promise<string>;
  /** What a container has printed; undefined before it began, and when there is no such pod. */
  log(namespace: string, pod: string, container: string): Promise<string | undefined>;
}

/** @param path of the kubeconfig */
export function openCluster(path: string): Cluster {
  const config = new KubeConfig();
  config.loadFromFile(path);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`${path} names no cluster`);
  const askText = asker(config, cluster.server);
  const ask: Ask<unknown> = async (...question) => {
    const text = await askText(...question);
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  };
  const place = (kind: Kind, namespace: string | undefined, ...rest: readonly string[]): string => {
    const [base, plural] = PLACES[kind];
    const within = namespace === undefined ? base : `${base}/namespaces/${namespace}`;
    return [within, plural, ...rest].join('/');
  };
  return {
    server: cluster.server,
    certificateAuthority: Buffer.from(cluster.caData ?? '', 'base64').toString(),
    create: async (kind, namespace, body) =>
      (await ask('POST', place(kind, namespace), {
        apiVersion: PLACES[kind][0].replace(/^\/apis?\//, ''),
        kind,
        ...body,
      })) as KubeObject,
    find: async (kind, namespace, name) =>
      (await ask('GET', place(kind, namespace, name), undefined, [404])) as KubeObject | undefined,
    list: async (kind, namespace, labelSelector) => {
      const query = labelSelector === undefined ? '' : `?labelSelector=${encodeURIComponent(labelSelector)}`;
      return ((await ask('GET', `${place(kind, namespace)}${query}`)) as { items: KubeObject[] }).items;
    },
    patch: async (kind, namespace, name, patch, part) =>
      (await ask('PATCH', place(kind, namespace, name, ...(part === undefined ? [] : [part])), patch)) as KubeObject,
    remove: async (kind, namespace, name, { graceSeconds, propagation = 'Background' } = {}) => {
      const options = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
      await ask('DELETE', place(kind, namespace, name), { propagationPolicy: propagation, ...options }, [404]);
    },
    evict: async (namespace, pod) => {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod } };
      await ask('POST', place('Pod', namespace, pod, 'eviction'), eviction);
    },
    token: async (namespace, serviceAccount, boundTo) => {
      const { name, uid } = boundTo?.metadata ?? {};
      const bound =
        boundTo === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Secret', ...{ name, uid } } };
      const spec = { expirationSeconds: 86_400, ...bound };
      const answer = await ask('POST', place('ServiceAccount', namespace, serviceAccount, 'token'), { spec });
      return (answer as { status: { token: string } }).status.token;
    },
    log: (namespace, pod, container) =>
      askText('GET', `${place('Pod', namespace, pod, 'log')}?container=${container}`, undefined, [400, 404]),
  };
}

type Ask<T> = (method: string, path: string, body?: Json, allowed?: readonly number[]) => Promise<T>;

/** Calls the API server. Statuses in `allowed` give undefined; any other that is no 2xx is an error with its words. */
function asker(config: KubeConfig, server: string): Ask<string | undefined> {
  return async (method, path, body, allowed = []) => {
    const options = {
      method,
      headers: {
        accept: 'application/json',
        // Without a length Node sends the body of a DELETE in a way that servers take for none.
        ...(body === undefined
          ? {}
          : {
              'content-type': method === 'PATCH' ? MERGE_PATCH : 'application/json',
              'content-length': Buffer.byteLength(JSON.stringify(body)),
            }),
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    await config.applyToHTTPSOptions(options);
    const { status, text } = await exchange(new URL(path, server), options, body);
    if (status >= 200 && status < 300) return text;
    if (allowed.includes(status)) return undefined;
    throw new Error(`${method} ${path} was answered ${status}: ${text.slice(0, 1_000)}`);
  };
}

const MERGE_PATCH = 'application/merge-patch+json';

function exchange(url: URL, options: object, body: Json | undefined): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
