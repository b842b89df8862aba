import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretProvider } from '@runner/secrets';
import type { KubernetesProviderOptions } from '@runner/secrets/kubernetes';
import { createKubernetesProvider } from '@runner/secrets/kubernetes';
import type { TestKubernetesSecrets } from '@runner/secrets/testing/servers';
import { TEST_NAMESPACE, startTestKubernetesSecrets } from '@runner/secrets/testing/servers';
import { describe, expect, it } from 'vitest';

const { signal } = new AbortController();
const read = async (provider: SecretProvider, id = 'db-password'): Promise<string> =>
  (await provider.fetch(id, { signal })).value.reveal();
const failure = async (provider: SecretProvider, id = 'db-password'): Promise<unknown> =>
  await read(provider, id).catch((error: unknown) => error);

function inPod(server: TestKubernetesSecrets, options: KubernetesProviderOptions = {}): SecretProvider {
  const { serviceAccountFolder } = server;
  return createKubernetesProvider({ serviceAccountFolder, ...options, env: { ...server.env, ...options.env } });
}

async function kubeconfig(server: TestKubernetesSecrets, token: string): Promise<string> {
  const path = join(server.serviceAccountFolder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        cluster: { server: server.url, 'certificate-authority-data': Buffer.from(server.ca).toString('base64') },
      },
    ],
    users: [{ name: 'somebody', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'somebody' } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('in a pod', () => {
  it('a rotated token is the one that is sent next', async () => {
    await using server = await startTestKubernetesSecrets();
    server.put('db-password', { value: 'value' });
    const provider = inPod(server);
    expect(await read(provider)).toBe('value');
    await server.rotateToken();
    expect(await read(provider)).toBe('value');
    await server.rotateToken({ write: false });
    expect(await failure(provider)).toMatchObject({
      code: 'secret_forbidden',
      details: { refused: 'credentials', identity: `system:serviceaccount:${TEST_NAMESPACE}:ingestion` },
    });
  });

  it('a refusal names account, verb and namespace', async () => {
    await using server = await startTestKubernetesSecrets();
    server.forbid(true);
    expect(await failure(inPod(server))).toMatchObject({
      code: 'secret_forbidden',
      message: `system:serviceaccount:${TEST_NAMESPACE}:ingestion may not get the Secret "db-password" in the namespace ${TEST_NAMESPACE}`,
      details: {
        permission: `get on secrets in the namespace ${TEST_NAMESPACE} for system:serviceaccount:${TEST_NAMESPACE}:ingestion`,
      },
    });
  });

  it('the namespace is that of the pod unless it is set; an id is never a path', async () => {
    await using server = await startTestKubernetesSecrets();
    await failure(inPod(server));
    await failure(inPod(server, { env: { KUBERNETES_NAMESPACE: 'other' } }));
    await failure(inPod(server, { env: { KUBERNETES_NAMESPACE: '' } }));
    await failure(inPod(server), '../../nodes/x');
    await failure(inPod(server), '/collate/hybrid-ingestion-runner/x');
    const path = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets/db-password`;
    expect(server.calls).toEqual([path(TEST_NAMESPACE), path('other'), path(TEST_NAMESPACE)]);
    expect(await failure(inPod(server, { namespace: '../kube-system' }))).toMatchObject({
      code: 'secret_misconfigured',
    });
  });

  it('another data key is read where selectors are on', async () => {
    await using server = await startTestKubernetesSecrets();
    server.put('db-password', { value: 'v', password: '{"user":{"pass":"p"}}' });
    const provider = inPod(server, { selectors: true });
    expect(await read(provider, 'db-password#key=password&json=/user/pass')).toBe('p');
    expect(await failure(provider, 'db-password#key=absent')).toMatchObject({ code: 'secret_key_missing' });
    expect(await failure(provider, 'db-password#stage=x')).toMatchObject({ code: 'secret_malformed_id' });
  });

  it('an address that is missing is told', async () => {
    const provider = createKubernetesProvider({ env: { KUBERNETES_IN_CLUSTER: 'true' } });
    expect(await failure(provider)).toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('KUBERNETES_SERVICE_HOST') as unknown,
    });
  });

  it('Retry-After is handed to whoever repeats the call', async () => {
    await using server = await startTestKubernetesSecrets();
    server.faults.next({ kind: 'answer', status: 429, headers: { 'retry-after': '7' } });
    expect(await failure(inPod(server))).toMatchObject({ details: { retryAfterMs: 7_000 } });
  });
});

describe('by a kubeconfig', () => {
  it('the current user asks, and is named', async () => {
    await using server = await startTestKubernetesSecrets();
    server.put('db-password', { value: 'value' });
    const token = server.currentToken();
    const path = await kubeconfig(server, token);
    const env = { KUBERNETES_KUBECONFIG_PATH: path, KUBERNETES_NAMESPACE: TEST_NAMESPACE };
    const provider = createKubernetesProvider({ env });
    expect(await read(provider)).toBe('value');
    expect(provider.describe().identity).toBe(`user somebody of the kubeconfig ${path}`);
  });

  it('one that is absent or broken is told, without a word of it', async () => {
    await using server = await startTestKubernetesSecrets();
    const absent = createKubernetesProvider({ kubeconfig: '/nonexistent/kubeconfig', namespace: 'x' });
    expect(await failure(absent)).toMatchObject({
      code: 'secret_misconfigured',
      message: expect.stringContaining('ENOENT') as unknown,
    });
    const path = join(server.serviceAccountFolder, 'broken');
    await writeFile(path, 'users: [ hidden-token: {');
    const error = await failure(createKubernetesProvider({ kubeconfig: path, namespace: 'x' }));
    expect(error).toMatchObject({ code: 'secret_misconfigured' });
    expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain('hidden');
  });
});
