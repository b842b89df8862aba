/** What others need of the registry helper: its rights, for charts and checks, and what it writes. */
export { accessRights, expiryRules, pullSecretRules, statusRules } from './registry/permissions.ts';
export type { RegistryNames, RegistryRule } from './registry/permissions.ts';
export { PULL_SECRET_LABELS, PULL_SECRET_TYPE, describePullSecret } from './registry/pull-secret.ts';
export type { PresentSecret } from './registry/pull-secret.ts';
export { readStatus } from './registry/status.ts';
export type { RegistryStatus } from './registry/status.ts';
export { REGISTRY_OWN_VARIABLES, registryVariableTable } from './registry/variables.ts';
