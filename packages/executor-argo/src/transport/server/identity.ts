import { createHash, X509Certificate } from 'node:crypto';
import { readFile as readFileOf } from 'node:fs/promises';
import type { Clock } from '@runner/core';
import type { KubeIdentity } from '@runner/kube';
import { checkedToken, kubeError, tokenFile } from '@runner/kube';

export interface ArgoServerIdentityOptions {
  /** `http://argo-server.argo:2746`, `https://argo.example.com/base`. */
  readonly endpoint: string;
  /** The token, with or without `Bearer`; a function is asked for each call and caches by itself. */
  readonly token?: string | ((options: { readonly refresh: boolean }) => Promise<string> | string);
  /** File with the token instead: read again every minute, and after a 401. */
  readonly tokenFile?: string;
  /**
   * PEM text of the authorities to trust instead of Node's, or of the server's own certificate: that one is then expected,
   * whatever its name (the one that Argo makes for itself says `localhost`).
   */
  readonly ca?: string;
  /** Name to check in the server's certificate where it is not the host of the endpoint. */
  readonly serverName?: string;
  readonly clock: Clock;
  /** Default: of node:fs. */
  readonly readFile?: (path: string) => Promise<string>;
}

export function argoServerIdentity(options: ArgoServerIdentityOptions): KubeIdentity {
  const server = endpointOf(options.endpoint);
  const token = tokenSource(options);
  const { ca } = options;
  const serverName = options.serverName ?? pinnedName(ca, new URL(server).hostname);
  return {
    place: {
      server,
      clusterId: createHash('sha256').update(new URL(server).origin).digest('hex'),
      namespace: undefined,
    },
    ...(ca === undefined ? {} : { certificateAuthority: ca }),
    ...(serverName === undefined ? {} : { serverName }),
    authorization: async ({ refresh }) => `Bearer ${await token(refresh)}`,
  };
}

/**
 * The name in a certificate that is given alone and is no authority: only the server that has its key can show it, so its
 * name proves nothing more. Undefined where the host is named in it, and for authorities.
 */
function pinnedName(ca: string | undefined, host: string): string | undefined {
  if (ca?.split('-----BEGIN CERTIFICATE-----').length !== 2) return undefined;
  try {
    const certificate = new X509Certificate(ca);
    if (certificate.ca || certificate.checkHost(host) !== undefined) return undefined;
    return /\bDNS:([^,\s]+)/.exec(certificate.subjectAltName ?? '')?.[1];
  } catch {
    // What is wrong with it is said when connections are made of it.
    return undefined;
  }
}

function tokenSource(options: ArgoServerIdentityOptions): (refresh: boolean) => Promise<string> {
  const { token, clock, readFile = (path: string) => readFileOf(path, 'utf8') } = options;
  if (options.tokenFile !== undefined) {
    const file = tokenFile(options.tokenFile, async (path) => bare(await readFile(path)), clock);
    return (refresh) => file.token(refresh);
  }
  if (token === undefined) {
    throw kubeError('kube_config_invalid', 'there is no token for the Argo Server', {
      hint: 'Set ARGO_TOKEN or ARGO_TOKEN_FILE.',
    });
  }
  if (typeof token === 'string') {
    const checked = checkedToken(bare(token), 'the token for the Argo Server');
    return () => Promise.resolve(checked);
  }
  return async (refresh) => checkedToken(bare(await token({ refresh })), 'the token for the Argo Server');
}

/** `argo auth token` prints the word before it. */
const bare = (token: string): string => token.trim().replace(/^Bearer\s+/i, '');

/** Without a slash at its end, and without the `/api/v1` that belongs to the calls. */
function endpointOf(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw kubeError('kube_config_invalid', 'the endpoint of the Argo Server is no address', {
      hint: 'Give it as http://host:2746 or https://host:2746, without credentials.',
    });
  }
  return url.origin + url.pathname.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
}
