import type { RequestOptions } from 'node:https';
import type { Clock, RunnerError } from '@runner/core';
import { isRunnerError, messageOf, redactText } from '@runner/core';
import { kubeError } from '../errors.ts';
import type { Credential, CredentialSource } from './credentials.ts';
import { checkPair } from './credentials.ts';
import type { Fields, KubeconfigUser } from './kubeconfig-file.ts';
import { checkedToken } from './token-file.ts';

/** How long an answer is used before the vendor's client is asked again; it knows when its own token expires. */
const REUSE_MS = 10_000;

/**
 * Credentials that a program or an identity provider gives out. The vendor's client knows the protocols; it is imported
 * here and nowhere else, because that alone takes tens of MiB (docs/adr/0006).
 */
export function vendorCredentials(user: KubeconfigUser, server: string, clock: Clock): CredentialSource {
  let apply: Apply | undefined;
  let known: Credential | undefined;
  let askedAt = 0;
  let asking: Promise<Credential> | undefined;
  const ask = async (refresh: boolean): Promise<Credential> => {
    // A plugin's answer is cached for its own lifetime, which does not count once it was refused.
    if (apply === undefined || (refresh && user.exec !== undefined)) apply = await load(user, server);
    known = await fetched(apply, user, clock.now());
    askedAt = clock.monotonic();
    return known;
  };
  return (refresh) => {
    if (known !== undefined && !refresh && clock.monotonic() - askedAt < REUSE_MS) return Promise.resolve(known);
    asking ??= ask(refresh).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

type Apply = () => Promise<RequestOptions>;

async function load(user: KubeconfigUser, server: string): Promise<Apply> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'cluster', server, skipTLSVerify: false }],
    users: [{ name: user.name, exec: execOf(user.exec), authProvider: user.authProvider }],
    contexts: [{ name: 'context', cluster: 'cluster', user: user.name }],
    currentContext: 'context',
  });
  return async () => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return options;
  };
}

/** Plugins want to be told how they are spoken to; the vendor's client leaves that out. */
function execOf(exec: Fields | undefined): Fields | undefined {
  if (exec === undefined) return undefined;
  const info = {
    apiVersion: typeof exec.apiVersion === 'string' ? exec.apiVersion : 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false },
  };
  const given: readonly unknown[] = Array.isArray(exec.env) ? exec.env : [];
  return { ...exec, env: [{ name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }, ...given] };
}

async function fetched(apply: Apply, user: KubeconfigUser, now: number): Promise<Credential> {
  let options: RequestOptions;
  try {
    options = await apply();
  } catch (error) {
    throw failed(user, error);
  }
  const { headers, cert, key } = options;
  const header = headers !== undefined && 'Authorization' in headers ? headers.Authorization : undefined;
  const pair = cert === undefined || key === undefined ? undefined : { certificate: textOf(cert), key: textOf(key) };
  if (pair !== undefined) checkPair(pair, `client certificate for user "${user.name}"`, now);
  if (typeof header !== 'string' && pair === undefined) {
    throw kubeError('kube_unauthorized', `${sourceOf(user)} gave neither a token nor a certificate`, {
      hint: hintOf(user),
    });
  }
  return {
    ...(typeof header === 'string' ? { authorization: bearer(header, user) } : {}),
    ...(pair === undefined ? {} : { clientCertificate: pair }),
  };
}

function bearer(header: string, user: KubeconfigUser): string {
  return `Bearer ${checkedToken(header.replace(/^Bearer\s+/i, ''), sourceOf(user))}`;
}

function textOf(pem: NonNullable<RequestOptions['cert'] | RequestOptions['key']>): string {
  return Buffer.isBuffer(pem) ? pem.toString('utf8') : typeof pem === 'string' ? pem : '';
}

function failed(user: KubeconfigUser, error: unknown): RunnerError {
  if (isRunnerError(error)) return error;
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') {
    return kubeError('kube_config_invalid', `${sourceOf(user)} is not installed`, {
      cause: error,
      hint: 'Install the command that the kubeconfig names, or give its absolute path.',
    });
  }
  // What a plugin writes may quote what it was given.
  const said = redactText(messageOf(error)).trim().slice(0, 500);
  return kubeError('kube_unauthorized', `${sourceOf(user)} failed: ${said === '' ? 'no message' : said}`, {
    hint: hintOf(user),
  });
}

function sourceOf(user: KubeconfigUser): string {
  const command = user.exec?.command;
  if (typeof command === 'string') return `the exec plugin ${command}`;
  const name = user.authProvider?.name;
  return `the auth provider ${typeof name === 'string' ? name : ''}`.trim();
}

const hintOf = (user: KubeconfigUser): string =>
  user.exec === undefined
    ? 'Log in again, so that the kubeconfig holds fresh credentials.'
    : 'Run the command of the kubeconfig by hand, in the same environment; it may need a login.';
