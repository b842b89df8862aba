import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate } from './certificate.ts';
import type { FaultSwitch } from './faults.ts';
import { act, createFaults, listen } from './faults.ts';

/** GET of Secrets as an API server answers it, with a service account to ask as. */
export interface TestKubernetesSecrets extends AsyncDisposable {
  readonly url: string;
  readonly ca: string;
  /** KUBERNETES_IN_CLUSTER and the address, as a pod has them. */
  readonly env: Readonly<Record<string, string>>;
  /** For the option `serviceAccountFolder`. */
  readonly serviceAccountFolder: string;
  put(name: string, data: Readonly<Record<string, string | Uint8Array>>): void;
  remove(name: string): void;
  /** The token that is accepted from now on; `write` puts it where the pod reads it, as the kubelet does. */
  rotateToken(options?: { readonly write?: boolean }): Promise<void>;
  /** The token that is accepted now. */
  currentToken(): string;
  /** Refuses this account the Secrets, as RBAC does. */
  forbid(on: boolean): void;
  /** Paths that were asked for. */
  readonly calls: readonly string[];
  readonly faults: FaultSwitch;
  /** Closes the port; the files of the service account stay. */
  stop(): Promise<void>;
}

export const TEST_NAMESPACE = 'ingestion-test';
const ACCOUNT = `system:serviceaccount:${TEST_NAMESPACE}:ingestion`;

export async function startTestKubernetesSecrets(): Promise<TestKubernetesSecrets> {
  const tls = testCertificate();
  const folder = await mkdtemp(join(tmpdir(), 'service-account-'));
  const secrets = new Map<string, Readonly<Record<string, string>>>();
  const faults = createFaults();
  const calls: string[] = [];
  let generation = 0;
  let token = '';
  let forbidden = false;

  const status = (code: number, reason: string, message: string): { code: number; body: unknown } => ({
    code,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code },
  });
  const answer = (path: string, authorization: string | undefined): { code: number; body: unknown } => {
    if (authorization !== `Bearer ${token}`) return status(401, 'Unauthorized', 'Unauthorized');
    const [, namespace, name = ''] = /^\/api\/v1\/namespaces\/([^/]+)\/secrets\/([^/]+)$/.exec(path) ?? [];
    if (forbidden || namespace !== TEST_NAMESPACE) {
      return status(
        403,
        'Forbidden',
        `secrets "${name}" is forbidden: User "${ACCOUNT}" cannot get resource "secrets" in API group "" in the namespace "${namespace ?? ''}"`,
      );
    }
    const data = secrets.get(name);
    if (data === undefined) return status(404, 'NotFound', `secrets "${name}" not found`);
    const metadata = { name, namespace, resourceVersion: '7' };
    return { code: 200, body: { kind: 'Secret', apiVersion: 'v1', type: 'Opaque', metadata, data } };
  };
  const server = await listen((request, response) => {
    const path = request.url ?? '';
    calls.push(path);
    const fault = faults.take();
    if (fault !== undefined) {
      act(fault, request, response);
      return;
    }
    const { code, body } = answer(path, request.headers.authorization);
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }, tls);

  const rotateToken = async ({ write = true } = {}): Promise<void> => {
    generation += 1;
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    token = `${part({ alg: 'none' })}.${part({ sub: ACCOUNT, generation })}.not-signed`;
    if (write) await writeFile(join(folder, 'token'), token);
  };
  await rotateToken();
  await writeFile(join(folder, 'ca.crt'), tls.certificate);
  await writeFile(join(folder, 'namespace'), TEST_NAMESPACE);
  return {
    url: server.url,
    ca: tls.certificate,
    env: {
      KUBERNETES_IN_CLUSTER: 'true',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(server.port),
    },
    serviceAccountFolder: folder,
    put: (name, data) => {
      const encoded = Object.entries(data).map(([key, value]): [string, string] => [
        key,
        Buffer.from(value as Uint8Array).toString('base64'),
      ]);
      secrets.set(name, Object.fromEntries(encoded));
    },
    remove: (name) => void secrets.delete(name),
    rotateToken,
    currentToken: () => token,
    forbid: (on) => {
      forbidden = on;
    },
    calls,
    faults,
    stop: async () => {
      await server[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
