import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pullSecretRules, readStatus, statusRules } from '@runner/agent/registry';
import type { RegistryStatus } from '@runner/agent/registry';
import { createNamespace, kubeconfigOfTests, openCluster } from '@runner/e2e';
import type { Cluster, TestNamespace } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/*
 * The registry helper as a process of its own against a real API server, with exactly its rights; ECR and the registry
 * are servers of the test. npm run test:e2e leaves this file out on other clusters than that of tools/cluster, whose node
 * finds the registry on this machine's 127.0.0.1.
 */

const MAIN = fileURLToPath(new URL('../../../../apps/agent/src/main.ts', import.meta.url));
const NAMES = { secret: 'omd-registry-credentials', statusConfigMap: 'pull-secret-status' };
const PULL_WITHIN_MS = 60_000;

let folder: string;
let cluster: Cluster;
let runner: TestNamespace;
let ingestion: TestNamespace;
let kubeconfig: string;
let ecr: Server;
let registry: Server;
/** What ECR answers instead of a token, one each. */
let refusals: string[] = [];
let tokens = 0;
/** Logins that the registry was shown. */
const logins = new Set<string>();

const addressOf = (server: Server): string => {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? `127.0.0.1:${bound.port}` : '';
};

beforeAll(async () => {
  ecr = createServer((request, response) => {
    request.resume();
    const type = refusals.shift();
    response.writeHead(type === undefined ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
    if (type !== undefined) {
      response.end(JSON.stringify({ __type: type }));
      return;
    }
    tokens += 1;
    const authorizationToken = Buffer.from(`AWS:not-a-real-token-${tokens}`).toString('base64');
    const expiresAt = Math.floor(Date.now() / 1_000) + 12 * 3_600;
    response.end(JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt }] }));
  });
  registry = createServer((request, response) => {
    const login = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (login === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="the registry of the test"' }).end();
      return;
    }
    logins.add(Buffer.from(login, 'base64').toString());
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }));
  });
  for (const server of [ecr, registry]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  folder = await mkdtemp(join(tmpdir(), 'registry-helper-'));
  cluster = openCluster(kubeconfigOfTests());
  runner = await createNamespace(cluster, 'registry-helper');
  ingestion = await createNamespace(cluster, 'registry-helper-pods');
  kubeconfig = await runner.account('helper', [...pullSecretRules(NAMES), ...statusRules(NAMES)], folder);
  await ingestion.create('Role', { metadata: { name: 'helper' }, rules: pullSecretRules(NAMES) });
  await ingestion.create('RoleBinding', {
    metadata: { name: 'helper' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'helper' },
    subjects: [{ kind: 'ServiceAccount', name: 'helper', namespace: runner.name }],
  });
  await runner.create('ConfigMap', { metadata: { name: NAMES.statusConfigMap } });
});
afterAll(async () => {
  await runner[Symbol.asyncDispose]();
  await ingestion[Symbol.asyncDispose]();
  for (const server of [ecr, registry]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  refusals = [];
  for (const namespace of [runner, ingestion]) await namespace.remove('Secret', NAMES.secret);
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function helper(env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', MAIN, 'registry-helper'],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        KUBECONFIG: kubeconfig,
        NAMESPACE_NAME: runner.name,
        PULL_SECRET_NAMESPACES: `${runner.name},${ingestion.name}`,
        PULL_SECRET_STATUS_CONFIGMAP: NAMES.statusConfigMap,
        DOCKER_SECRET_NAME: NAMES.secret,
        DOCKER_REGISTRY: addressOf(registry),
        AWS_REGION: 'eu-west-1',
        AWS_ENDPOINT_URL_ECR: `http://${addressOf(ecr)}`,
        AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
        AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(output).not.toMatch(/not-a-real/);
  return { code, output };
}

async function status(): Promise<RegistryStatus | undefined> {
  const found = await runner.find('ConfigMap', NAMES.statusConfigMap);
  return found === undefined ? undefined : readStatus(found as { data?: Record<string, string> });
}

async function passwordIn(namespace: TestNamespace): Promise<string | undefined> {
  const secret = (await namespace.find('Secret', NAMES.secret)) as
    { type?: string; data?: Record<string, string> } | undefined;
  const text = Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  return /"password":"([^"]+)"/.exec(text)?.[1];
}

describe('the registry helper on a real cluster, with exactly its rights', () => {
  it('gives a pod the login that the registry is shown', async () => {
    const { code, output } = await helper();
    expect(output).toContain('the pull secret is made');
    expect(code).toBe(0);
    const password = await passwordIn(ingestion);
    expect(password).toBe(`not-a-real-token-${tokens}`);
    expect(await status()).toMatchObject({ outcome: 'written', registry: addressOf(registry) });
    await ingestion.create('Pod', {
      metadata: { name: 'puller' },
      spec: {
        restartPolicy: 'Never',
        imagePullSecrets: [{ name: NAMES.secret }],
        containers: [{ name: 'main', image: `${addressOf(registry)}/team/app:1` }],
      },
    });
    const login = `AWS:${password ?? ''}`;
    await eventually(
      'the registry is shown the login',
      () => Promise.resolve(logins.has(login) || undefined),
      PULL_WITHIN_MS,
    );
  });

  it('renews it in place', async () => {
    await helper();
    const before = await runner.find('Secret', NAMES.secret);
    expect((await helper()).code).toBe(0);
    const after = await runner.find('Secret', NAMES.secret);
    expect(after?.metadata.uid).toBe(before?.metadata.uid);
    expect(await passwordIn(runner)).toBe(`not-a-real-token-${tokens}`);
  });

  it('does no harm when two run at once, be there a pull secret already or not', async () => {
    for (const round of ['first', 'second']) {
      const both = await Promise.all([helper(), helper()]);
      expect(
        both.map(({ code }) => code),
        `${round}: ${both.map(({ output }) => output).join('')}`,
      ).toEqual([0, 0]);
      const last = [tokens, tokens - 1].map((number) => `not-a-real-token-${number}`);
      for (const namespace of [runner, ingestion]) expect(last).toContain(await passwordIn(namespace));
    }
  });

  it('gets through throttling', async () => {
    refusals = ['ThrottlingException', 'ThrottlingException'];
    expect((await helper()).code).toBe(0);
  });

  it('with wrong keys keeps the secret of before and says why, as a hook without failing', async () => {
    await helper();
    const before = await passwordIn(runner);
    refusals = ['UnrecognizedClientException'];
    expect((await helper()).code).toBe(1);
    expect(await status()).toMatchObject({ outcome: 'failed', code: 'registry_wrong_credentials' });
    expect((await status())?.expiresAt).toBeGreaterThan(Date.now());
    refusals = ['UnrecognizedClientException'];
    expect((await helper({ REGISTRY_HELPER_HOOK: 'true' })).code).toBe(0);
    expect(await passwordIn(runner)).toBe(before);
  });

  it('writes where it may, and says of the namespace where it may not, or that is not there', async () => {
    const { code } = await helper({ PULL_SECRET_NAMESPACES: `${runner.name},runner-no-such-namespace` });
    expect(code).toBe(1);
    expect(await status()).toMatchObject({ outcome: 'partly', code: 'pull_secret_forbidden' });
    expect((await status())?.hint).toContain('a namespace that does not exist is answered the same');
    expect(await passwordIn(runner)).toBe(`not-a-real-token-${tokens}`);
  });

  it('leaves a secret alone that is no pull secret', async () => {
    await runner.create('Secret', { metadata: { name: NAMES.secret }, type: 'Opaque', stringData: { mine: 'yes' } });
    expect((await helper({ PULL_SECRET_NAMESPACES: runner.name })).code).toBe(1);
    expect(await status()).toMatchObject({ outcome: 'failed', code: 'pull_secret_foreign' });
  });
});
