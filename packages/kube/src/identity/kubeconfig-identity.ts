import { readFile as readFileOf } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { Clock } from '@runner/core';
import { kubeError } from '../errors.ts';
import { clusterIdOf } from './certificates.ts';
import { loaded, plainCredentials } from './credentials.ts';
import type { KubeIdentity } from './identity.ts';
import { readKubeconfig } from './kubeconfig-file.ts';
import type { ReadFile } from './token-file.ts';
import { vendorCredentials } from './vendor-credentials.ts';

export interface KubeconfigOptions {
  /** Path of the file. Either this or `text`. */
  readonly path?: string;
  /** The YAML itself; paths in it must be absolute. */
  readonly text?: string;
  /** Default: its current context. */
  readonly context?: string;
  readonly clock: Clock;
  /** Default: of node:fs. */
  readonly readFile?: ReadFile;
}

/**
 * The cluster and the user of a kubeconfig. Tokens, token files, client certificates and passwords are read here; for
 * exec plugins and auth providers (OIDC, …) the vendor's client is loaded, and they are asked for the first time when the
 * first call is made. Throws `kube_config_invalid` with what to correct.
 */
export async function kubeconfigIdentity(options: KubeconfigOptions): Promise<KubeIdentity> {
  const { clock, readFile = (path: string) => readFileOf(path, 'utf8') } = options;
  const { cluster, user, namespace } = readKubeconfig(await textOf(options, readFile), options.path, options.context);
  const authority = cluster.certificateAuthority;
  const certificateAuthority = authority === undefined ? undefined : await loaded(authority, readFile);
  const current =
    user.exec === undefined && user.authProvider === undefined
      ? await plainCredentials(user, readFile, clock)
      : vendorCredentials(user, cluster.server, clock);
  // Known before the first request where it stands in the file; what a plugin gives comes with its first answer.
  let { clientCertificate } = user.exec === undefined && user.authProvider === undefined ? await current(false) : {};
  return {
    place: {
      server: cluster.server,
      clusterId: clusterIdOf(cluster.server, certificateAuthority, authority?.where ?? ''),
      namespace,
    },
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    ...(cluster.serverName === undefined ? {} : { serverName: cluster.serverName }),
    ...(cluster.skipTlsVerify ? { skipTlsVerify: true } : {}),
    get clientCertificate() {
      return clientCertificate;
    },
    authorization: async ({ refresh }) => {
      const credential = await current(refresh);
      clientCertificate = credential.clientCertificate;
      return credential.authorization;
    },
  };
}

async function textOf({ path, text }: KubeconfigOptions, readFile: ReadFile): Promise<string> {
  if (text !== undefined) return text;
  if (path === undefined || path === '') {
    throw kubeError('kube_config_invalid', 'no kubeconfig is given', { hint: 'Set KUBECONFIG to the path of one.' });
  }
  try {
    return await readFile(path);
  } catch (error) {
    throw kubeError('kube_config_invalid', `the kubeconfig ${path} cannot be read`, {
      cause: error,
      hint: path.includes(delimiter)
        ? 'Give one file: lists of kubeconfigs are not merged (kubectl config view --flatten makes one of them).'
        : 'Check that the file exists and that this process may read it.',
    });
  }
}
