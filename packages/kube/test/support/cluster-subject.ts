import { randomUUID } from 'node:crypto';
import { systemClock, systemRandom } from '@runner/core';
import { createKubeApi } from '../../src/api/create-kube-api.ts';
import type { AccessRight, KubeApi } from '../../src/api/kube-api.ts';
import type { KubeIdentity } from '../../src/identity/identity.ts';
import { kubeconfigIdentity } from '../../src/identity/kubeconfig-identity.ts';
import type { KubeObject, Pod, ResourceType } from '../../src/objects.ts';
import { PODS } from '../../src/objects.ts';
import type { KubeApiSubject } from '../../src/testing/kube-api-contract.ts';

interface Quota extends KubeObject {
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}
interface TokenRequest extends KubeObject {
  readonly status?: { readonly token?: string };
}

const type = <T extends KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  namespaced = true,
): ResourceType<T> => ({ apiVersion, kind, plural, namespaced });

const NAMESPACES = type('v1', 'Namespace', 'namespaces', false);
const SERVICE_ACCOUNTS = type('v1', 'ServiceAccount', 'serviceaccounts');
const QUOTAS = type<Quota>('v1', 'ResourceQuota', 'resourcequotas');
const RBAC = 'rbac.authorization.k8s.io/v1';
const ROLES = type<KubeObject & { rules: unknown }>(RBAC, 'Role', 'roles');
const BINDINGS = type<KubeObject & { roleRef: unknown; subjects: unknown }>(RBAC, 'RoleBinding', 'rolebindings');

const IMAGE = 'docker.io/runner/busybox:1';
const clock = systemClock({ keepAlive: true });
const random = systemRandom();
const client = (identity: KubeIdentity): KubeApi => createKubeApi({ identity, clock, random });

/** A namespace of a real cluster, made for one test and deleted after it. */
export async function clusterSubject(kubeconfig: string, timeoutMs: number): Promise<KubeApiSubject> {
  const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
  const api = client(identity);
  const others: KubeApi[] = [];
  const namespace = `kube-api-${randomUUID().slice(0, 8)}`;
  const signal = AbortSignal.timeout(timeoutMs * 4);
  const create = async <T extends KubeObject>(of: ResourceType<T>, object: T): Promise<T> =>
    (await api.create(of, of.namespaced ? namespace : '', object, { signal })).object;
  const until = async (what: string, look: () => Promise<boolean>): Promise<void> => {
    const deadline = clock.monotonic() + timeoutMs;
    while (!(await look())) {
      if (clock.monotonic() > deadline) throw new Error(`waited in vain until ${what}`);
      await clock.sleep(50, signal);
    }
  };
  const podThat = async (name: string, main: object, is: (pod: Pod) => boolean): Promise<string> => {
    const account = async (): Promise<boolean> =>
      (await api.get(SERVICE_ACCOUNTS, namespace, 'default', { signal })) !== undefined;
    await until('the namespace has its service account', account);
    const container = { name: 'main', image: IMAGE, imagePullPolicy: 'IfNotPresent', ...main };
    await create(PODS, { metadata: { name }, spec: { restartPolicy: 'Never', containers: [container] } });
    await until(`pod ${name} is as wanted`, async () => {
      const pod = await api.get(PODS, namespace, name, { signal });
      return pod !== undefined && is(pod);
    });
    return name;
  };

  await create(NAMESPACES, { metadata: { name: namespace } });
  return {
    api,
    namespace,
    as: async (rights) => {
      const name = `account-${others.length}`;
      await create(SERVICE_ACCOUNTS, { metadata: { name } });
      await create(ROLES, { metadata: { name }, rules: rights.map(ruleOf) });
      await create(BINDINGS, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      });
      const tokens = type<TokenRequest>('authentication.k8s.io/v1', 'TokenRequest', 'serviceaccounts');
      // The address of a token request lies below its account.
      const requests = { ...tokens, apiVersion: 'v1', plural: `serviceaccounts/${name}/token` };
      const request: TokenRequest = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { name },
      };
      const token = (await create(requests, request)).status?.token;
      if (token === undefined) throw new Error('the cluster gave no token');
      const { place, certificateAuthority } = identity;
      const restricted = client({
        place,
        ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
        authorization: () => Promise.resolve(`Bearer ${token}`),
      });
      others.push(restricted);
      // Rules reach the authorizer by a watch of its own.
      const [first] = rights;
      if (first !== undefined)
        await until('the rights count', () => restricted.mayI({ ...first, namespace }, { signal }));
      return restricted;
    },
    quota: async (resource, most) => {
      const hard = { [`count/${resource}`]: String(most) };
      await create(QUOTAS, { metadata: { name: 'most' }, spec: { hard } } as Quota);
      await until('the quota is counted', async () => {
        const quota = await api.get(QUOTAS, namespace, 'most', { signal });
        return quota?.status?.used?.[`count/${resource}`] !== undefined;
      });
    },
    // What happened so early was forgotten long ago.
    expiredVersion: () => Promise.resolve('1'),
    finishedPod: (written) =>
      podThat(
        'finished',
        { command: ['sh', '-c', 'printf %s "$WRITTEN"'], env: [{ name: 'WRITTEN', value: written }] },
        (pod) => pod.status?.phase === 'Succeeded',
      ),
    waitingPod: () =>
      podThat('waiting', { image: 'registry.invalid/nothing:1' }, (pod) =>
        ['ErrImagePull', 'ImagePullBackOff'].includes(pod.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''),
      ),
    [Symbol.asyncDispose]: async () => {
      await api.delete(NAMESPACES, '', namespace, { signal, propagation: 'Background' });
      for (const one of [api, ...others]) await one.close();
    },
  };
}

function ruleOf({ verb, group, resource, subresource }: AccessRight): unknown {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return { apiGroups: [group], resources: [name], verbs: [verb] };
}
