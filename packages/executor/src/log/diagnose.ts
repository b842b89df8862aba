import type { Diagnosis, DiagnosisCategory } from '../observation.ts';

interface Sign {
  readonly pattern: RegExp;
  readonly category: DiagnosisCategory;
  readonly code: string;
  /** `$1` stands for the first group of the pattern. */
  readonly message: string;
  readonly hint: string;
}

/**
 * What the ingestion library (observed with 2.0.6) prints when it fails for a reason that a person can mend, the most
 * telling first: a secret that cannot be read goes on to look like a wrong password.
 */
const SIGNS: readonly Sign[] = [
  {
    pattern: /Secret ([\w./-]+) exists but has no 'value' key/,
    category: 'secret',
    code: 'secret_key_missing',
    message: 'The Kubernetes Secret $1 has no key `value`; the source got an empty password.',
    hint: 'Store the secret under the data key `value`.',
  },
  {
    pattern: /Could not get the secret value of (\S+) due to \[?\(?403/,
    category: 'secret',
    code: 'secret_forbidden',
    message: 'The workload may not read the secret $1.',
    hint: "Allow the workload's service account to get secrets in its namespace.",
  },
  {
    pattern: /Could not get the secret value of (\S+) due to/,
    category: 'secret',
    code: 'secret_unreadable',
    message: 'The secret $1 could not be read from the secrets manager.',
    hint: 'Check that the secret exists under this very name and that the workload may read it.',
  },
  {
    pattern: /Secret value \[([^\]]+)\] not present in the configured secrets manager/,
    category: 'secret',
    code: 'secret_unreadable',
    message: 'The secret $1 could not be read from the secrets manager.',
    hint: 'Check that the secret exists under this very name and that the workload may read it.',
  },
  {
    pattern: /Resolved a null secret value/,
    category: 'secret',
    code: 'secret_missing',
    message: 'A secret that the service refers to does not exist; the source got an empty password.',
    hint: 'The log names it in a line `Getting secret value for …`. Create it, or correct the reference.',
  },
  {
    pattern:
      /SecretsManagerConfigException|NoRegionError|Invalid AWS Region|Invalid kube-config file|Service host\/port is not set|object has no attribute 'inCluster'/,
    category: 'secret',
    code: 'secrets_manager_unusable',
    message: 'The workload could not start its secrets manager.',
    hint: 'Check SECRETS_MANAGER and the variables this provider needs (region, vault name, project).',
  },
  {
    pattern: /VersionMismatchException:?\s*([^\n]{0,200})/,
    category: 'version',
    code: 'version_mismatch',
    message: 'The ingestion image and the OpenMetadata server do not fit together. $1',
    hint: "Use the image of the server's version, or set INGESTION_DISABLE_VERSION_VALIDATION.",
  },
  {
    pattern: /'NoneType' object has no attribute 'root'|401 Client Error|Token has expired|Invalid token/i,
    category: 'authentication',
    code: 'server_refused_token',
    message: 'The OpenMetadata server refused the token of the workload.',
    hint: 'Check that the bot of the pipeline exists and that its token has not been revoked.',
  },
  {
    pattern: /password authentication failed|no password supplied|Access denied for user/i,
    category: 'authentication',
    code: 'source_refused_login',
    message: 'The source refused the user name or password of the service.',
    hint: 'Check the credentials, and that the stored secret holds the bare password without quotes.',
  },
  {
    pattern: /RestTransportError|Could not initialize the OpenMetadata client/,
    category: 'configuration',
    code: 'server_unreachable',
    message: 'The workload could not reach the OpenMetadata server.',
    hint: 'Check its address, proxy and certificates as seen from where the workload runs.',
  },
  {
    pattern: /No module named '?(metadata[\w.]*)/,
    category: 'program',
    code: 'ingestion_not_installed',
    message: 'The ingestion library is not installed where the program runs: it has no module $1.',
    hint: 'Use an ingestion image, or name a program that has the library in INGESTION_COMMAND.',
  },
  {
    pattern: /No space left on device|\[Errno 28\]|ENOSPC/,
    category: 'disk',
    code: 'disk_full',
    message: 'The program ran out of disk space.',
    hint: 'Free space, or give the workload a larger disk.',
  },
  {
    pattern: /\bMemoryError\b|JavaScript heap out of memory/,
    category: 'out_of_memory',
    code: 'out_of_memory',
    message: 'The program ran out of memory.',
    hint: 'Raise its memory limit, or let the pipeline read less at once.',
  },
];

/**
 * Why a program failed, as far as the end of its output says. For programs that ended with an error of their own; the
 * text must be redacted already. Undefined when nothing in it is known.
 */
export function diagnoseOutput(text: string): Diagnosis | undefined {
  for (const { pattern, category, code, message, hint } of SIGNS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const subject = (match[1] ?? '').trim();
    return { category, code, message: message.replace('$1', () => subject).trim(), hint, permanent: true };
  }
  return undefined;
}
