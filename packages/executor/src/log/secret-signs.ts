import type { Diagnosis } from '../observation.ts';
import type { Sign } from './sign.ts';
import { diagnosisOf } from './sign.ts';

/**
 * The three causes that the public documentation gives for "Could not get the secret value … Forbidden", whatever the
 * provider.
 */
const THREE_CAUSES =
  '(1) The service account of the ingestion pods lacks the right: with a cloud secrets manager the IAM role or workload identity, with Kubernetes the right to get secrets in its namespace. ' +
  '(2) The path is not the one where the secret was created: by default cloud roles may read secret:/collate/hybrid-ingestion-runner/<name> only. ' +
  '(3) config.secretsManager is not set in the Helm values (SECRETS_MANAGER of the agent): then Kubernetes Secrets are asked, which know no paths.';

const CREDENTIALS_HINT =
  'Give the service account of the ingestion pods its cloud identity (EKS Pod Identity or IRSA, Azure or GKE Workload Identity), then start the run again.';

/** How the library begins every complaint about one secret. */
const COMPLAINT =
  /(?:Could not get the secret value of (\S+)|Secret value \[([^\]\n]+)\] not present in the configured secrets manager)/;
const MAX_COMPLAINT = 4_000;
/** Errors of the Kubernetes client go on over several lines. */
const GOES_ON = /^(?:Reason:|HTTP response|\s)/;

/** The secret that was asked for last before the library said that there is none. */
function lastAsked(text: string): string | undefined {
  const end = text.search(/Resolved a null secret value/);
  return [...text.slice(0, Math.max(end, 0)).matchAll(/Getting secret value for (\S+)/g)].at(-1)?.[1];
}

/** Why one secret could not be read, by the text that follows the complaint; the first that fits counts. */
const REASONS: readonly Sign[] = [
  {
    pattern: /cannot \w+ resource \\?"secrets\//,
    category: 'secret',
    code: 'secret_id_is_path',
    message:
      'The secret $1 is named by a path, which Kubernetes Secrets do not have; the source got the reference itself.',
    hint: `For Kubernetes Secrets refer to the bare name (secret:my-db-password). If the secret is in a cloud secrets manager, the third cause is the likely one: ${THREE_CAUSES}`,
  },
  {
    pattern:
      /\(403\)|Reason: Forbidden|AccessDenied|not authorized to perform|\(Forbidden\)|does not have secrets get permission|403 Permission|PERMISSION_DENIED/,
    category: 'secret',
    code: 'secret_forbidden',
    message: 'The workload may not read the secret $1; the source got the reference itself.',
    hint: `One of three causes. ${THREE_CAUSES}`,
  },
  {
    pattern:
      /Unable to locate credentials|default credentials were not found|DefaultAzureCredential failed|CredentialUnavailable|ExpiredToken|InvalidClientTokenId|UnrecognizedClientException|AADSTS\d+|Not authorized to perform sts/,
    category: 'secret',
    code: 'secrets_manager_no_credentials',
    message: 'The workload has no valid credentials for the secrets manager, so it could not read the secret $1.',
    hint: CREDENTIALS_HINT,
  },
  {
    pattern: /ResourceNotFoundException|ParameterNotFound|SecretNotFound|404 Secret|NOT_FOUND/,
    category: 'secret',
    code: 'secret_missing',
    message: 'The secret $1 does not exist in the secrets manager; the source got the reference itself.',
    hint: 'Create it under this very name, in the region, vault or project the workload uses, or correct the reference.',
  },
  {
    pattern: /codec can't decode|SecretBinary|is not valid (?:UTF-8|text)/,
    category: 'secret',
    code: 'secret_not_text',
    message: 'The secret $1 is not text; the source got the reference itself.',
    hint: 'Store the value as plain text in UTF-8, without further encoding.',
  },
  {
    pattern:
      /Max retries exceeded|Connection refused|Could not connect to the endpoint|EndpointConnectionError|timed out|Name or service not known|503 Service|DEADLINE_EXCEEDED|UNAVAILABLE/,
    category: 'secret',
    code: 'secrets_manager_unreachable',
    message: 'The workload could not reach the secrets manager, so it could not read the secret $1.',
    hint: 'Check network, proxy and private endpoints between the ingestion pods and the secrets manager, then start the run again.',
  },
  {
    pattern: /Data corruption detected/,
    category: 'secret',
    code: 'secret_corrupted',
    message: 'The secret $1 arrived damaged: its checksum does not fit.',
    hint: 'Start the run again; if it stays, store the secret anew.',
  },
  {
    pattern: /^/,
    category: 'secret',
    code: 'secret_unreadable',
    message: 'The secret $1 could not be read from the secrets manager; the source got the reference itself.',
    hint: 'Check that the secret exists under this very name and that the workload may read it.',
  },
];

/** Other failures of secrets, the most telling first. */
const FIRST: Sign = {
  pattern: /Secret ([\w./-]+) exists but has no 'value' key/,
  category: 'secret',
  code: 'secret_key_missing',
  message: 'The Kubernetes Secret $1 has no key `value`; the source got an empty password.',
  hint: 'Store the secret under the data key `value`: kubectl create secret generic <name> --from-literal=value=….',
};

const LAST: readonly Sign[] = [
  {
    pattern: /Resolved a null secret value/,
    category: 'secret',
    code: 'secret_missing',
    message: 'The secret $1 does not exist, or is empty; the source got an empty password.',
    hint: 'Create it in the namespace of the ingestion pods (key `value`), or correct the reference: names are exact, in lower case, without blanks.',
    subject: (text) => lastAsked(text) ?? 'that the service refers to',
  },
  {
    pattern:
      /SecretsManagerConfigException(?::\s*([^\n]{1,200}))?|NoRegionError|You must specify a region|Invalid AWS Region|Invalid kube-config file|Service host\/port is not set|object has no attribute 'inCluster'|SecretsManagerProvider\.\w+\] is not implemented|validation errors? for AzureCredentials/,
    category: 'secret',
    code: 'secrets_manager_unusable',
    message: 'The workload could not start its secrets manager. $1',
    hint: 'Check SECRETS_MANAGER and what this provider needs: AWS_DEFAULT_REGION, AZURE_KEY_VAULT_NAME or GOOGLE_CLOUD_PROJECT among the extra environment variables, for Kubernetes the token of the service account.',
  },
];

/**
 * Failures of secrets, as the ingestion library prints them (observed with 2.0.6). Most of them do not end the program: it
 * goes on with an empty or a wrong password, so they must be looked for before the source's refusal.
 */
export function diagnoseSecrets(text: string): Diagnosis | undefined {
  return diagnosisOf([FIRST], text) ?? diagnoseComplaint(text) ?? diagnosisOf(LAST, text);
}

function diagnoseComplaint(text: string): Diagnosis | undefined {
  const complaint = COMPLAINT.exec(text);
  if (complaint === null) return undefined;
  const [first = '', ...lines] = text.slice(complaint.index, complaint.index + MAX_COMPLAINT).split('\n');
  const end = lines.findIndex((line) => !GOES_ON.test(line));
  const reason = [first, ...(end < 0 ? lines : lines.slice(0, end))].join('\n');
  const secret = complaint[1] ?? complaint[2] ?? '';
  return diagnosisOf(
    REASONS.map((sign) => ({ ...sign, subject: () => secret })),
    reason,
  );
}
