/** Secrets in Google Secret Manager. Loading this door loads no SDK: `@google-cloud/secret-manager` comes with the first secret. */
export { createGcpProvider } from './gcp/provider.ts';
export type { GcpProviderOptions } from './gcp/options.ts';
