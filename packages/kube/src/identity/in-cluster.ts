import { readFile as readFileOf } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { Clock } from '@runner/core';
import { kubeError } from '../errors.ts';
import { certificatesOf, clusterIdOf } from './certificates.ts';
import type { KubeIdentity } from './identity.ts';
import type { ReadFile } from './token-file.ts';
import { tokenFile } from './token-file.ts';

export interface InClusterOptions {
  /** The environment of the process, or the part of it that Kubernetes sets in every pod. */
  readonly environment: {
    readonly KUBERNETES_SERVICE_HOST?: string | undefined;
    readonly KUBERNETES_SERVICE_PORT?: string | undefined;
  };
  readonly clock: Clock;
  /** Default: of node:fs. */
  readonly readFile?: ReadFile;
  /** Where the kubelet mounts `token`, `ca.crt` and `namespace`. Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly folder?: string;
}

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Authorities change about once a year; they are looked at with this much of a delay. */
const AUTHORITY_REREAD_MS = 600_000;

/** The service account of the pod this process runs in. Throws `kube_config_invalid` outside of a pod, and says what is missing. */
export async function inClusterIdentity(options: InClusterOptions): Promise<KubeIdentity> {
  const { clock, folder = FOLDER, readFile = (path: string) => readFileOf(path, 'utf8') } = options;
  const server = serverOf(options.environment);
  const authorityPath = `${folder}/ca.crt`;
  let certificateAuthority = await mounted(readFile, authorityPath);
  const clusterId = clusterIdOf(server, certificateAuthority, authorityPath);
  const namespace = (await mounted(readFile, `${folder}/namespace`)).trim();
  const token = tokenFile(`${folder}/token`, readFile, clock);
  await token.token(false);
  let lookedAt = clock.monotonic();
  const lookAtAuthority = async (): Promise<void> => {
    lookedAt = clock.monotonic();
    try {
      const text = await readFile(authorityPath);
      certificatesOf(text, authorityPath);
      certificateAuthority = text;
    } catch {
      // What is known goes on; should it be out of date, TLS says so.
    }
  };
  return {
    place: { server, clusterId, namespace: namespace === '' ? undefined : namespace },
    get certificateAuthority() {
      return certificateAuthority;
    },
    authorization: async ({ refresh }) => {
      if (clock.monotonic() - lookedAt >= AUTHORITY_REREAD_MS) await lookAtAuthority();
      return `Bearer ${await token.token(refresh)}`;
    },
  };
}

function serverOf({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: port,
}: InClusterOptions['environment']): string {
  if (host === undefined || host === '' || port === undefined || port === '') {
    throw kubeError('kube_config_invalid', 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set', {
      hint: 'Kubernetes sets them in every pod. Outside of a cluster, give a kubeconfig.',
    });
  }
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  if (URL.canParse(server) && /^\d+$/.test(port)) return server;
  throw kubeError('kube_config_invalid', 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address', {
    hint: 'They are a host name or IP address, and a number.',
  });
}

async function mounted(readFile: ReadFile, path: string): Promise<string> {
  try {
    return await readFile(path);
  } catch (error) {
    throw kubeError('kube_config_invalid', `${path} cannot be read`, {
      cause: error,
      hint: 'Mount the service account token: automountServiceAccountToken must not be false for this pod.',
    });
  }
}
