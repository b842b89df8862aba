import { secretsManagerEnvironment, secretsManagerProblems } from '@runner/executor';
import type { SecretsManagerProvider, SecretsManagerSettings } from '@runner/executor';
import type { VARIABLES } from './catalogue.ts';
import type { Findings } from './finding.ts';
import { missing } from './files.ts';
import type { ExecutorType, Values } from './variable.ts';

export interface SecretsConfig {
  /** Where workloads look references up. */
  readonly manager: SecretsManagerProvider;
  /** The same with what it needs in a pod, as far as the extra variables of the workloads tell it. */
  readonly workloads: SecretsManagerSettings;
  /** Folder of the `file` manager. */
  readonly fileDir: string | undefined;
  /** How references can be read where workloads run, to see how that goes; undefined: not at all. */
  readonly check: SecretCheckSettings | undefined;
  /** What is read once at the start. */
  readonly preflightReference: string | undefined;
  /** What to do with plain values in masked fields. */
  readonly plaintext: 'refuse' | 'warn' | 'allow';
}

export interface SecretCheckSettings {
  readonly manager: SecretsManagerProvider;
  /** Image with `runner-secrets`; undefined with the local executor. */
  readonly image: string | undefined;
}

type All = Values<typeof VARIABLES>;

export function secretsConfig(values: All, executor: ExecutorType, out: Findings): SecretsConfig {
  const manager = managerOf(values.SECRETS_MANAGER, values, executor);
  const problem = managerProblem(values.SECRETS_MANAGER ?? manager, executor);
  if (problem !== undefined)
    out.problems.push({ variable: 'SECRETS_MANAGER', read: values.SECRETS_MANAGER, ...problem });
  const workloads = settingsOf(manager, values);
  if (executor !== 'local') warnMissingSettings(workloads, values, out);
  if (manager === 'file' && values.SECRETS_FILE_DIR === undefined) {
    missing(out, 'SECRETS_FILE_DIR', 'set it to the absolute path of a folder with one file per secret');
  }
  if (values.PLAINTEXT_SECRETS !== 'refuse') {
    out.warnings.push({
      variable: 'PLAINTEXT_SECRETS',
      read: values.PLAINTEXT_SECRETS,
      message: 'lets runs through whose service connection holds a password in plain text',
      fix: 'store the values in the secrets manager, reference them as secret:<id>, and set it to refuse',
    });
  }
  const check = checkSettings(manager, values, executor, out);
  return {
    ...{ manager, workloads, fileDir: values.SECRETS_FILE_DIR, check },
    preflightReference: values.SECRETS_PREFLIGHT_REF,
    plaintext: values.PLAINTEXT_SECRETS,
  };
}

function checkSettings(
  manager: SecretsManagerProvider,
  values: All,
  executor: ExecutorType,
  out: Findings,
): SecretCheckSettings | undefined {
  const image = values.SECRETS_PREFLIGHT_IMAGE;
  if (executor === 'local') return { manager, image: undefined };
  if (image !== undefined) return { manager, image };
  if (values.SECRETS_PREFLIGHT_REF !== undefined) {
    out.warnings.push({
      variable: 'SECRETS_PREFLIGHT_REF',
      read: undefined,
      message: 'is not read without an image',
      fix: 'name an image with runner-secrets in SECRETS_PREFLIGHT_IMAGE',
    });
  }
  return undefined;
}

/** The region under its other usual name is taken too: the ingestion library reads `AWS_DEFAULT_REGION` alone. */
function settingsOf(provider: SecretsManagerProvider, values: All): SecretsManagerSettings {
  const extra = new Map(values.INGESTION_EXTRA_ENVS.map(({ name, value }) => [name, value]));
  const region = extra.get('AWS_DEFAULT_REGION') ?? extra.get('AWS_REGION');
  const vaultName = extra.get('AZURE_KEY_VAULT_NAME');
  const project = extra.get('GOOGLE_CLOUD_PROJECT');
  const namespace = extra.get('KUBERNETES_NAMESPACE');
  return {
    provider,
    ...(region === undefined ? {} : { region }),
    ...(vaultName === undefined ? {} : { vaultName }),
    ...(project === undefined ? {} : { project }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

/** A pod gets what the extra variables name; a local program may get it from this machine, which its executor looks at. */
function warnMissingSettings(settings: SecretsManagerSettings, values: All, out: Findings): void {
  const variables = [...secretsManagerEnvironment(settings), ...values.INGESTION_EXTRA_ENVS];
  const names = variables.map((variable) => variable.name);
  for (const { message, hint } of secretsManagerProblems(settings, names)) {
    const fix = hint ?? 'add it to the extra environment variables of the workloads';
    out.warnings.push({ variable: 'INGESTION_EXTRA_ENVS', read: undefined, message, fix });
  }
}

function managerOf(asked: All['SECRETS_MANAGER'], values: All, executor: ExecutorType): SecretsManagerProvider {
  // `noop` is the older name of `db`; `in-memory` is refused below.
  if (asked === 'noop' || asked === 'in-memory') return 'db';
  if (asked !== undefined) return asked;
  if (executor !== 'local') return 'kubernetes';
  return values.SECRETS_FILE_DIR === undefined ? 'env' : 'file';
}

function managerProblem(
  manager: NonNullable<All['SECRETS_MANAGER']>,
  executor: ExecutorType,
): { readonly message: string; readonly fix: string } | undefined {
  if (manager === 'in-memory') {
    return { message: 'does not exist in the ingestion library', fix: 'use the store in which your secrets are kept' };
  }
  if ((manager === 'file' || manager === 'env') && executor !== 'local') {
    return {
      message: `is only for the local executor, and the executor is ${executor}`,
      fix: 'use kubernetes, managed-aws, managed-azure-kv or gcp',
    };
  }
  return undefined;
}
