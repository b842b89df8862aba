import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { request } from 'node:https';
import { text as readText } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { SecretProvider } from '@runner/secrets';
import { createKubernetesProvider } from '@runner/secrets/kubernetes';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const kubeconfig = process.env['KUBECONFIG'] ?? '';
if (kubeconfig === '') {
  console.warn('SKIPPED: Kubernetes Secrets were not read from a real cluster, as KUBECONFIG names none.');
}

const namespace = `secrets-${randomUUID().slice(0, 8)}`;
const { signal } = new AbortController();
const folders: string[] = [];

async function api<T>(method: string, path: string, body?: object): Promise<T> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers = { 'content-type': 'application/json', ...(options.headers as Record<string, string> | undefined) };
  const outgoing = request(`${config.getCurrentCluster()?.server ?? ''}${path}`, { ...options, method, headers });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = await readText(response);
  if ((response.statusCode ?? 0) < 300) return JSON.parse(text) as T;
  if (method === 'DELETE' && response.statusCode === 404) return {} as T;
  throw new Error(text);
}

const core = `/api/v1/namespaces/${namespace}`;
const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;

async function put(name: string, values: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  await remove(name);
  const entries = Object.entries(values).map(([key, value]) => [
    key,
    Buffer.from(value as Uint8Array).toString('base64'),
  ]);
  await api('POST', `${core}/secrets`, { metadata: { name }, data: Object.fromEntries(entries) as object });
}

async function remove(name: string): Promise<void> {
  await api('DELETE', `${core}/secrets/${name}`);
}

/** The files and variables of a pod under this service account. */
async function podOf(account: string): Promise<SecretProvider> {
  const home = await mkdtemp(join(tmpdir(), 'secrets-e2e-'));
  folders.push(home);
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const { server = '', caData = '' } = config.getCurrentCluster() ?? {};
  const url = new URL(server);
  const { status } = await api<{ status: { token: string } }>('POST', `${core}/serviceaccounts/${account}/token`, {
    spec: { expirationSeconds: 600 },
  });
  await writeFile(join(home, 'token'), status.token);
  await writeFile(join(home, 'namespace'), namespace);
  await writeFile(join(home, 'ca.crt'), Buffer.from(caData, 'base64'));
  return createKubernetesProvider({
    serviceAccountFolder: home,
    env: {
      KUBERNETES_IN_CLUSTER: 'true',
      KUBERNETES_SERVICE_HOST: url.hostname,
      KUBERNETES_SERVICE_PORT: url.port || '443',
    },
  });
}

const suite = kubeconfig === '' ? describe.skip : describe;

suite('a real API server', () => {
  beforeAll(async () => {
    await api('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    for (const name of ['reader', 'stranger', 'of-one']) {
      await api('POST', `${core}/serviceaccounts`, { metadata: { name } });
    }
    for (const [name, only] of [
      ['reader', {}],
      ['of-one', { resourceNames: ['allowed'] }],
    ] as const) {
      const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'], ...only }];
      await api('POST', `${rbac}/roles`, { metadata: { name }, rules });
      await api('POST', `${rbac}/rolebindings`, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      });
    }
  });
  afterAll(async () => {
    await api('DELETE', `/api/v1/namespaces/${namespace}`);
    await Promise.all(folders.map((path) => rm(path, { recursive: true })));
  });

  secretProviderContract('Kubernetes Secrets of a real cluster', {
    make: async (): Promise<ProviderHarness> => {
      const names = new Set<string>();
      return {
        provider: await podOf('reader'),
        put: async (name, value) => {
          names.add(name);
          await put(name, { value });
        },
        remove,
        [Symbol.asyncDispose]: async () => {
          for (const name of names) await remove(name);
        },
      };
    },
    ids: ['db-password', 'other.password'],
    malformedIds: ['/collate/hybrid-ingestion-runner/x', 'a/b', 'Upper'],
    largestBytes: 150_000,
  });

  it('refuses an account without the right, and the message names what is missing', async () => {
    await put('allowed', { value: 'value' });
    const error: unknown = await (
      await podOf('stranger')
    )
      .fetch('allowed', { signal })
      .catch((caught: unknown) => caught);
    const account = `system:serviceaccount:${namespace}:stranger`;
    expect(error).toMatchObject({
      code: 'secret_forbidden',
      details: { identity: account, permission: `get on secrets in the namespace ${namespace} for ${account}` },
    });
  });

  it('gives an account that may get one Secret that one, and refuses the others without saying whether they exist', async () => {
    const provider = await podOf('of-one');
    await put('allowed', { value: 'value' });
    expect((await provider.fetch('allowed', { signal })).value.reveal()).toBe('value');
    await expect(provider.fetch('absent', { signal })).rejects.toMatchObject({ code: 'secret_forbidden' });
  });

  it('tells a key that is missing, and a token that is not one', async () => {
    await put('keys', { password: 'x' });
    await expect((await podOf('reader')).fetch('keys', { signal })).rejects.toMatchObject({
      code: 'secret_key_missing',
      message: expect.stringContaining('"password"') as unknown,
    });
  });

  it('is read by a kubeconfig as well', async () => {
    await put('allowed', { value: 'value' });
    const provider = createKubernetesProvider({
      env: { KUBERNETES_KUBECONFIG_PATH: kubeconfig, KUBERNETES_NAMESPACE: namespace },
    });
    expect((await provider.fetch('allowed', { signal })).value.reveal()).toBe('value');
    await expect(provider.fetch('nosuch', { signal })).rejects.toMatchObject({ code: 'secret_not_found' });
  });
});
