/** References to secrets, and how they become values. No provider's SDK is loaded by this door. */
export { isSecretError, secretError } from './errors.ts';
export type { SecretErrorCode, SecretErrorFacts } from './errors.ts';
export {
  LONGEST_ID,
  SECRET_PREFIX,
  isNearReference,
  isSecretReference,
  parseSecretReference,
  requireSecretId,
} from './reference.ts';
export type { SecretIdProblem, SecretIdProblemCode, SecretReference } from './reference.ts';
export { SECRETS_MANAGERS, isSecretsManagerName, validateSecretId } from './secret-id.ts';
export type { SecretsManagerName } from './secret-id.ts';
export { SELECTOR_NAMES, formatSelection, parseSelection } from './selectors/selection.ts';
export type { ParsedSelection, SecretSelection, SelectorName } from './selectors/selection.ts';
export { createRoutingProvider } from './selectors/routing-provider.ts';
export type { RoutingProviderOptions } from './selectors/routing-provider.ts';
export { secretText } from './provider.ts';
export type {
  BatchAnswer,
  FetchedSecret,
  SecretFetchOptions,
  SecretProvider,
  SecretProviderDescription,
  SecretWarning,
  SecretWarningCode,
} from './provider.ts';
export { createSecretResolver } from './resolver.ts';
export type { SecretObserver, SecretResolver, SecretResolverOptions } from './resolver.ts';
export type { ResolveOptions, SecretResolution } from './resolution.ts';
export { findSecretReferences } from './resolve-config.ts';
export type { FoundReference, ResolveConfigOptions, ResolvedConfig } from './resolve-config.ts';
export { findPlaintextSecrets } from './plaintext.ts';
export type { PlaintextFinding, PlaintextFindingCode } from './plaintext.ts';
export type { JsonSchema } from './schema-fields.ts';
export { maskedFieldsOf } from './masked-fields.ts';
