import type { EnvVariable } from './extra-envs.ts';
import type { SettingProblem } from './problem.ts';

/**
 * Secrets managers by the names the ingestion library gives them, and `file` and `env`, which only workloads made with
 * `@runner/secrets` know (local executor).
 */
export const SECRETS_MANAGER_PROVIDERS = [
  'kubernetes',
  'aws',
  'managed-aws',
  'aws-ssm',
  'managed-aws-ssm',
  'azure-kv',
  'managed-azure-kv',
  'gcp',
  'db',
  'file',
  'env',
] as const;
export type SecretsManagerProvider = (typeof SECRETS_MANAGER_PROVIDERS)[number];

export interface SecretsManagerSettings {
  readonly provider: SecretsManagerProvider;
  /** AWS region, handed on as `AWS_DEFAULT_REGION` (the library's loader reads no other name). */
  readonly region?: string;
  /** Azure Key Vault, handed on as `AZURE_KEY_VAULT_NAME`. */
  readonly vaultName?: string;
  /** Google Cloud project, handed on as `GOOGLE_CLOUD_PROJECT`. */
  readonly project?: string;
  /** Namespace of Kubernetes Secrets when it is not the workload's own. */
  readonly namespace?: string;
  /** Whether workloads run inside the cluster they read Secrets from. Default true; the local executor says false. */
  readonly inCluster?: boolean;
  /** Anything else the workload's secrets manager needs. */
  readonly environment?: Readonly<Record<string, string>>;
}

type Family = 'kubernetes' | 'aws' | 'azure' | 'gcp' | 'db' | 'ours';

/** The store behind a provider; `managed-…` differs only on the server's side. */
export function secretsManagerFamily(provider: SecretsManagerProvider): Family {
  if (provider === 'kubernetes' || provider === 'gcp' || provider === 'db') return provider;
  if (provider === 'file' || provider === 'env') return 'ours';
  return provider.includes('aws') ? 'aws' : 'azure';
}

/** Environment variables that make the provider work inside a workload. Never a secret value. */
export function secretsManagerEnvironment(settings: SecretsManagerSettings): readonly EnvVariable[] {
  const variables = new Map<string, string>();
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') variables.set(name, value);
  };
  switch (secretsManagerFamily(settings.provider)) {
    case 'kubernetes':
      // Without it the library looks for a kubeconfig and dies before its first call.
      set('KUBERNETES_IN_CLUSTER', settings.inCluster === false ? undefined : 'true');
      set('KUBERNETES_NAMESPACE', settings.namespace);
      break;
    case 'aws':
      set('AWS_DEFAULT_REGION', settings.region);
      break;
    case 'azure':
      set('AZURE_KEY_VAULT_NAME', settings.vaultName);
      break;
    case 'gcp':
      set('GOOGLE_CLOUD_PROJECT', settings.project);
      break;
    case 'db':
    case 'ours':
      break;
  }
  for (const [name, value] of Object.entries(settings.environment ?? {})) set(name, value);
  return [...variables].map(([name, value]) => ({ name, value }));
}

/** Labels that pods need for the provider: Azure's workload identity acts only on pods that ask for it. */
export function secretsManagerPodLabels(provider: SecretsManagerProvider): Readonly<Record<string, string>> {
  return secretsManagerFamily(provider) === 'azure' ? { 'azure.workload.identity/use': 'true' } : {};
}

const NEEDED: Partial<Record<Family, { readonly name: string; readonly level: 'warning' | 'error'; why: string }>> = {
  aws: {
    name: 'AWS_DEFAULT_REGION',
    level: 'warning',
    why: 'unless the machine or pod identity tells the region, every secret fails to resolve (AWS_REGION alone is not read)',
  },
  azure: { name: 'AZURE_KEY_VAULT_NAME', level: 'error', why: 'the ingestion stops before its first call without it' },
  gcp: {
    name: 'GOOGLE_CLOUD_PROJECT',
    level: 'error',
    why: 'references reach the connector unresolved without it',
  },
};

/**
 * What is missing for the provider, given the names of all variables the workload will have (extra variables count:
 * they are the documented way to set them).
 */
export function secretsManagerProblems(
  settings: SecretsManagerSettings,
  names: Iterable<string>,
): readonly SettingProblem[] {
  const needed = NEEDED[secretsManagerFamily(settings.provider)];
  if (needed === undefined || new Set(names).has(needed.name)) return [];
  return [
    {
      level: needed.level,
      code: 'secrets_manager_setting_missing',
      message: `The secrets manager ${settings.provider} has no ${needed.name}: ${needed.why}.`,
      hint: `Add ${needed.name} to the extra environment variables of the workloads.`,
    },
  ];
}
