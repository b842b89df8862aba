import type { KubePlace } from '../api/kube-api.ts';

/**
 * How to reach an API server, and as whom. `place` never changes; the certificates may, as they are rotated: the client
 * looks at them for every request and makes new connections when they are not the ones it knows.
 */
export interface KubeIdentity {
  readonly place: KubePlace;
  /** PEM of the authorities to trust; undefined: those of Node. */
  readonly certificateAuthority?: string;
  /** Client certificate, where that is the credential. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string } | undefined;
  /** Name to ask for and to check in the server's certificate, where it is not the host of the URL. */
  readonly serverName?: string;
  readonly skipTlsVerify?: boolean;
  /**
   * Value of the Authorization header for the next request, or undefined. Called for each request, so it caches; a token
   * file is read again when it changed. `refresh` is true after a 401: whatever is cached is not to be used again.
   */
  authorization(options: { readonly refresh: boolean; readonly signal: AbortSignal }): Promise<string | undefined>;
}
