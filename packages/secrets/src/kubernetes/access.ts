import { readFile } from 'node:fs/promises';
import type { Agent, RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { secretError } from '../errors.ts';
import type { NetworkOptions } from '../store/network.ts';
import { httpsAgent } from '../store/network.ts';
import { loadSdk } from '../store/sdk.ts';

/** How the API server is reached, and as whom. */
export interface KubernetesAccess {
  /** Without a slash at the end. */
  readonly url: string;
  /** For messages: where the credential comes from, or the account itself. */
  readonly identity: string;
  /** Asked before each request, so that a rotated token is the one that is sent. */
  readonly request: () => Promise<{ readonly headers: Readonly<Record<string, string>>; readonly agent: Agent }>;
  readonly close: () => void;
}

export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

interface AccessOptions extends NetworkOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

const misconfigured = (message: string, hint: string, cause?: unknown): Error =>
  secretError('secret_misconfigured', message, {
    provider: 'kubernetes',
    hint,
    ...(cause === undefined ? {} : { cause }),
  });

/** As OpenMetadata's library: in the cluster when told so, else by a kubeconfig. */
export async function openAccess(options: AccessOptions): Promise<KubernetesAccess> {
  const { env, kubeconfig } = options;
  if (kubeconfig === undefined && env['KUBERNETES_IN_CLUSTER']?.toLowerCase() === 'true') return inCluster(options);
  const path =
    kubeconfig ?? (env['KUBERNETES_KUBECONFIG_PATH'] || env['KUBECONFIG'] || join(homedir(), '.kube/config'));
  return await byKubeconfig(path, options);
}

/** The account that a service-account token is for; undefined for anything else. Nothing is verified: it is for messages. */
export function accountOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const subject = (claims as { sub?: unknown } | null)?.sub;
    return typeof subject === 'string' && /^[\w:.@-]{1,320}$/.test(subject) ? subject : undefined;
  } catch {
    return undefined;
  }
}

async function inCluster({ env, folder, ca, proxy }: AccessOptions): Promise<KubernetesAccess> {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '';
  if (host === '' || port === '') {
    throw misconfigured(
      'KUBERNETES_IN_CLUSTER is true, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
      'they are set in every pod; outside of one leave KUBERNETES_IN_CLUSTER unset and name a kubeconfig',
    );
  }
  const read = async (name: string): Promise<string> =>
    await readFile(join(folder, name), 'utf8').catch((error: unknown) => {
      throw misconfigured(
        `the file ${join(folder, name)} of the service account cannot be read`,
        'the pod needs a service account with automountServiceAccountToken',
        error,
      );
    });
  const agent = httpsAgent({ ca: ca ?? (await read('ca.crt')), ...(proxy === undefined ? {} : { proxy }) });
  const first = (await read('token')).trim();
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    identity: accountOf(first) ?? 'the service account of the pod',
    // The kubelet replaces the file before the token expires; reading it costs less than the request.
    request: async () => ({ headers: { authorization: `Bearer ${(await read('token')).trim()}` }, agent }),
    close: () => agent.destroy(),
  };
}

async function byKubeconfig(path: string, { context, ca, proxy }: AccessOptions): Promise<KubernetesAccess> {
  const { KubeConfig } = await loadSdk(
    'kubernetes',
    '@kubernetes/client-node',
    () => import('@kubernetes/client-node'),
  );
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (error) {
    // The parser's error quotes the file, which may hold a token.
    const errno = (error as NodeJS.ErrnoException).code;
    throw misconfigured(
      `the kubeconfig ${path} cannot be read${typeof errno === 'string' ? ` (${errno})` : ': it is not a kubeconfig'}`,
      'in a pod set KUBERNETES_IN_CLUSTER=true; elsewhere name the file with KUBERNETES_KUBECONFIG_PATH',
    );
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw misconfigured(`the kubeconfig ${path} has no cluster for its current context`, 'choose another context');
  }
  const own =
    ca === undefined && proxy === undefined
      ? undefined
      : httpsAgent({ ...(ca === undefined ? {} : { ca }), ...(proxy === undefined ? {} : { proxy }) });
  return {
    url: cluster.server.replace(/\/+$/, ''),
    identity: `user ${config.getCurrentUser()?.name ?? 'unknown'} of the kubeconfig ${path}`,
    request: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { agent, headers, auth } = options;
      return {
        agent: own ?? (agent as Agent),
        headers: {
          ...(headers as Readonly<Record<string, string>> | undefined),
          ...(typeof auth === 'string' ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}),
        },
      };
    },
    close: () => own?.destroy(),
  };
}
