/**
 * Secrets in AWS. Loading this door loads no SDK: `@aws-sdk/client-secrets-manager` and `@aws-sdk/client-ssm` are each
 * loaded by the first secret that is read with them.
 */
export { createAwsProvider } from './aws/secrets-manager.ts';
export { createAwsSsmProvider } from './aws/parameter-store.ts';
export type { AwsProviderOptions } from './aws/options.ts';
