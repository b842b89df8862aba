export { DEFAULT_ENV_PREFIX, createEnvProvider, secretVariable } from './env-provider.ts';
export type { EnvProviderOptions } from './env-provider.ts';
