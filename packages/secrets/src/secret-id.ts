import type { SecretIdProblem } from './reference.ts';
import { idProblems } from './reference.ts';

/** Values of OpenMetadata's `secretsManagerProvider`, and `file` and `env` of this project. */
export const SECRETS_MANAGERS = [
  'db',
  'noop',
  'managed-aws',
  'aws',
  'managed-aws-ssm',
  'aws-ssm',
  'managed-azure-kv',
  'azure-kv',
  'in-memory',
  'gcp',
  'kubernetes',
  'openbao',
  'managed-openbao',
  'file',
  'env',
] as const;
export type SecretsManagerName = (typeof SECRETS_MANAGERS)[number];

export function isSecretsManagerName(name: string): name is SecretsManagerName {
  return (SECRETS_MANAGERS as readonly string[]).includes(name);
}

type Rule = (id: string) => SecretIdProblem | undefined;

const AWS_HINT = 'ids that begin with / belong to AWS; set the secrets manager to managed-aws if the secret is there';
const NO_RESOLVE_HINT = 'set the secrets manager of the runner to the store in which the secret is kept';

const characters = (message: string, hint?: string): SecretIdProblem => ({
  code: 'secret_id_characters',
  message,
  ...(hint === undefined ? {} : { hint }),
});

const kubernetes: Rule = (id) => {
  if (id.includes('/')) {
    return {
      code: 'secret_id_path',
      message: 'Kubernetes takes the name of a Secret, and a path would address something else in its API',
      hint: `name a Secret whose data key is "value"; ${AWS_HINT}`,
    };
  }
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (id.length <= 253 && new RegExp(`^${label}(\\.${label})*$`).test(id)) return undefined;
  return characters(
    'the name of a Kubernetes Secret has at most 253 lower-case letters, digits, "-" and ".", and each part begins and ends with a letter or digit',
  );
};

const aws: Rule = (id) => {
  if (id.startsWith('arn:')) {
    return {
      code: 'secret_id_arn',
      message: 'an ARN of AWS Secrets Manager holds ":secret:", which is taken out of every reference',
      hint: 'give the name of the secret instead of its ARN',
    };
  }
  if (/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(id)) return undefined;
  return characters('a name in AWS Secrets Manager has at most 512 letters, digits and the characters /_+=.@-');
};

const awsSsm: Rule = (id) => {
  if (/^arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter\/[A-Za-z0-9_./-]+$/.test(id)) return undefined;
  if (!/^[A-Za-z0-9_./-]{1,1011}(:[A-Za-z0-9_.-]{1,100})?$/.test(id)) {
    return characters('a parameter name has letters, digits and the characters _.-/, and at most 1,011 of them');
  }
  if (!id.includes('/') || id.startsWith('/')) return undefined;
  return {
    code: 'secret_id_path',
    message: 'a parameter name with a path begins with /',
    hint: `write secret:/${id}`,
  };
};

const azure: Rule = (id) => {
  if (id.includes('/')) {
    return {
      code: 'secret_id_path',
      message: 'a name in Azure Key Vault has no path',
      hint: `name it with letters, digits and "-"; ${AWS_HINT}`,
    };
  }
  if (/^[0-9A-Za-z-]{1,127}$/.test(id)) return undefined;
  return characters('a name in Azure Key Vault has at most 127 letters, digits and "-"');
};

const gcp: Rule = (id) => {
  if (id.includes('/')) {
    return {
      code: 'secret_id_path',
      message: 'the id is put into projects/…/secrets/<id>/versions/latest, so it cannot be a path',
      hint: `give the bare name of the secret; ${AWS_HINT}`,
    };
  }
  if (/^[A-Za-z0-9_-]{1,255}$/.test(id)) return undefined;
  return characters('a name in Google Secret Manager has at most 255 letters, digits, "-" and "_"');
};

/** Ids as paths below a folder or a mount: one leading slash is ignored, and nothing may point upwards. */
const path: Rule = (id) => {
  const segments = pathSegments(id);
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    return { code: 'secret_id_traversal', message: 'it has a segment "." or ".."', hint: 'name the secret directly' };
  }
  if (segments.some((segment) => segment === '')) {
    return {
      code: 'secret_id_path',
      message: 'it has an empty segment',
      hint: 'write single slashes, and none at the end',
    };
  }
  return undefined;
};

const file: Rule = (id) => {
  const problem = path(id);
  if (problem !== undefined) return problem;
  if (/[\\:*?"<>|]/.test(id)) return characters('a file has none of the characters \\ : * ? " < > |');
  if (pathSegments(id).some((segment) => Buffer.byteLength(segment) > 255)) {
    return characters('a file or folder name has at most 255 bytes');
  }
  return undefined;
};

const env: Rule = (id) => {
  const problem = path(id);
  if (problem !== undefined) return problem;
  if (/^[A-Za-z0-9_./-]{1,255}$/.test(id)) return undefined;
  return characters('an id for the environment has at most 255 letters, digits and the characters _./-');
};

const cannotResolve =
  (provider: SecretsManagerName): Rule =>
  () => ({
    code: 'secret_id_provider_cannot_resolve',
    message:
      provider === 'in-memory'
        ? 'the secrets manager in-memory does not exist in the ingestion library'
        : `the secrets manager ${provider} resolves nothing, so the reference itself would be used as the password`,
    hint: NO_RESOLVE_HINT,
  });

const RULES: Readonly<Record<SecretsManagerName, Rule>> = {
  db: cannotResolve('db'),
  noop: cannotResolve('noop'),
  'in-memory': cannotResolve('in-memory'),
  'managed-aws': aws,
  aws,
  'managed-aws-ssm': awsSsm,
  'aws-ssm': awsSsm,
  'managed-azure-kv': azure,
  'azure-kv': azure,
  gcp,
  kubernetes,
  openbao: path,
  'managed-openbao': path,
  file,
  env,
};

/**
 * Whether a secrets manager can have a secret of this id, decided without asking it. Pure: control plane and agent call
 * it before anything is created, because what the ingestion library does with a wrong id is worse than refusing it.
 * @param provider a value of `SECRETS_MANAGERS`
 * @param id the id behind `secret:`, as `parseSecretReference` gives it
 * @returns what is wrong; empty when nothing is
 */
export function validateSecretId(provider: string, id: string): readonly SecretIdProblem[] {
  if (!isSecretsManagerName(provider)) {
    return [
      {
        code: 'secret_id_provider_unknown',
        message: `there is no secrets manager of the name ${JSON.stringify(provider.slice(0, 64))}`,
        hint: `use one of ${SECRETS_MANAGERS.join(', ')}`,
      },
    ];
  }
  const general = idProblems(id);
  const specific = RULES[provider](id);
  if (specific === undefined) return general;
  // What a store's names look like is of no use for an id that is broken anyway; that nothing is resolved always is.
  const matters = general.length === 0 || specific.code === 'secret_id_provider_cannot_resolve';
  return matters ? [...general, specific] : general;
}

/** The segments of an id that is read as a path; one leading slash is ignored. */
export function pathSegments(id: string): readonly string[] {
  return (id.startsWith('/') ? id.slice(1) : id).split('/');
}
