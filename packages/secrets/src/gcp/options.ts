import { secretError, shownId } from '../errors.ts';
import type { StoreOptions } from '../store/store-provider.ts';

/**
 * Which project, and as whom. From `env`: GOOGLE_CLOUD_PROJECT, as OpenMetadata's library reads it, and
 * GRPC_DEFAULT_SSL_ROOTS_FILE_PATH.
 *
 * Credentials are Application Default Credentials: the SDK reads GOOGLE_APPLICATION_CREDENTIALS, gcloud's files and the
 * metadata server (GKE workload identity) by the environment of the process itself. A proxy too: `https_proxy` and
 * `no_proxy` of the process, which gRPC gives no other way to set.
 */
export interface GcpProviderOptions extends StoreOptions {
  readonly project?: string;
  /** Another endpoint, such as a private one. `http://` is for emulators: no credentials are sent to it. */
  readonly endpoint?: string;
  /** PEM of the authorities to trust for the endpoint instead of Node's own. */
  readonly ca?: string;
  /** Gives an OAuth access token, instead of Application Default Credentials. */
  readonly accessToken?: (options: { readonly signal: AbortSignal }) => Promise<string>;
}

export interface GcpPlace {
  readonly project: string;
  readonly host: string;
  readonly port: number;
  readonly plain: boolean;
}

/** An id, or a number; legacy ids may begin with a domain. */
const PROJECT = /^(?:[a-z0-9.-]{1,128}:)?[a-z0-9][a-z0-9-]{1,61}$/;
const DEFAULT_ENDPOINT = 'https://secretmanager.googleapis.com';

export function gcpPlace(options: GcpProviderOptions): GcpPlace {
  const { env = {}, endpoint = DEFAULT_ENDPOINT } = options;
  const project = options.project ?? env['GOOGLE_CLOUD_PROJECT'] ?? '';
  if (!PROJECT.test(project)) {
    throw secretError(
      'secret_misconfigured',
      project === '' ? 'no Google Cloud project is set' : `${shownId(project)} is not the id of a Google Cloud project`,
      { provider: 'gcp', hint: 'set GOOGLE_CLOUD_PROJECT to the id of the project in which the secrets are' },
    );
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw secretError('secret_misconfigured', 'the endpoint of Secret Manager is not an http:// or https:// URL', {
      provider: 'gcp',
    });
  }
  const plain = url.protocol === 'http:';
  return { project, host: url.hostname, port: Number(url.port || (plain ? 80 : 443)), plain };
}
