import type { Diagnosis } from '../observation.ts';
import { diagnoseSecrets } from './secret-signs.ts';
import type { Sign } from './sign.ts';
import { diagnosisOf } from './sign.ts';
import { WRAPPER_SIGNS } from './wrapper-signs.ts';

const REFUSAL = '(?:401 Client Error|Token has expired|Invalid token|Expired token|Token not present)';

/**
 * A refusal that is the OpenMetadata server's, for sources answer in the same words: from its client, at the set-up of
 * that client, or for one of its paths. The first alternative is the last, misleading error of a run whose token was refused.
 */
const SERVER_REFUSAL = new RegExp(
  [
    String.raw`'NoneType' object has no attribute 'root'`,
    String.raw`Could not initialize the OpenMetadata client[\s\S]{0,400}?${REFUSAL}`,
    String.raw`\bometa[^\n]{0,400}?${REFUSAL}`,
    String.raw`401 Client Error[^\n]{0,200}/api/v1/(?:system/|services/|bots/|automations/|databaseSchemas|metadata/types|users/loggedInUser)`,
  ].join('|'),
  'i',
);

/**
 * What the ingestion library (observed with 2.0.6) prints when it fails for a reason that a person can mend, the most
 * telling first: a secret that cannot be read goes on to look like a wrong password, and most failures at the start end
 * in a general complaint about the client.
 */
const SIGNS: readonly Sign[] = [
  {
    pattern: /VersionMismatchException:?\s*([^\n]{0,200})/,
    category: 'version',
    code: 'version_mismatch',
    message: 'The ingestion image and the OpenMetadata server do not fit together. $1',
    hint: "Use the image of the server's version, or set INGESTION_DISABLE_VERSION_VALIDATION.",
  },
  {
    pattern: /Test connection definition (\S+) not found|(\w+\.testConnectionDefinition)\b[^\n]{0,80}not found/i,
    category: 'version',
    code: 'connector_unknown',
    message: 'The OpenMetadata server does not know the connector of the service (no test connection definition $1).',
    hint: 'The server is older than the ingestion image, or was not migrated completely: bring both to one version.',
  },
  {
    pattern: SERVER_REFUSAL,
    category: 'authentication',
    code: 'server_refused_token',
    message: 'The OpenMetadata server refused the token of the workload.',
    hint: 'Check that the bot of the pipeline exists and that its token has not been revoked.',
  },
  {
    pattern: /password authentication failed|no password supplied|Access denied for user|Login failed for user/i,
    category: 'authentication',
    code: 'source_refused_login',
    message: 'The source refused the user name or password of the service.',
    hint: 'Check the credentials, and that the stored secret holds the bare password without quotes.',
  },
  {
    pattern:
      /(connection to server at "[^"\n]*"[^\n]*failed)|(could not translate host name "[^"\n]*")|(Can't connect to MySQL server on '[^'\n]*')/,
    category: 'configuration',
    code: 'source_unreachable',
    message: 'The workload could not reach the source ($1).',
    hint: 'Check host and port of the service, and network policies and firewalls between the ingestion pods and the source.',
  },
  {
    pattern:
      /RestTransportError|Could not initialize the OpenMetadata client[\s\S]{0,400}?(?:Max retries|Connection|timed out)/,
    category: 'configuration',
    code: 'server_unreachable',
    message: 'The workload could not reach the OpenMetadata server.',
    hint: 'Check its address, proxy and certificates as seen from where the workload runs.',
  },
  {
    pattern: /Could not initialize the OpenMetadata client(?: against \[[^\]\n]*\])?:?\s*([^\n]{0,200})/,
    category: 'configuration',
    code: 'server_client_failed',
    message: 'The workload could not set up its connection to OpenMetadata. $1',
    hint: 'Check the OpenMetadata server connection of the pipeline.',
  },
  {
    pattern: /Missing environment variable `(\w+)`/,
    category: 'configuration',
    code: 'environment_incomplete',
    message: 'The ingestion did not find its environment variable $1.',
    hint: 'The runner sets it; see whether a webhook or an entrypoint of your own image takes it away.',
  },
  {
    pattern: /No module named '?metadata\.applications/,
    category: 'program',
    code: 'application_not_supported',
    message: 'The image cannot run applications: it has no module metadata.applications.runner.',
    hint: "Use Collate's ingestion image for applications; the public library does not have that module.",
  },
  {
    pattern: /No module named '?(metadata[\w.]*)/,
    category: 'program',
    code: 'ingestion_not_installed',
    message: 'The ingestion library is not installed where the program runs: it has no module $1.',
    hint: 'Use an ingestion image, or name a program that has the library in INGESTION_COMMAND.',
  },
  {
    pattern: /can't open file '([^'\n]*(?:main|run_automation|exit_handler)\.py)'/,
    category: 'program',
    code: 'ingestion_not_installed',
    message: 'The image is no ingestion image: it has no $1.',
    hint: 'Name an ingestion image in INGESTION_IMAGE; its working directory holds main.py and run_automation.py.',
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
  // Last: connectors go on after some refusals.
  {
    pattern: new RegExp(REFUSAL, 'i'),
    category: 'authentication',
    code: 'source_refused_login',
    message: 'The source refused the credentials or the token of the service.',
    hint: 'Check the credentials of the service, and that its token is valid and has not expired. The runner finds no sign that it was the OpenMetadata server.',
  },
];

/**
 * Why a program failed, as far as the end of its output says. For programs that ended with an error of their own; the
 * text must be redacted already. Undefined when nothing in it is known.
 */
export function diagnoseOutput(text: string): Diagnosis | undefined {
  return diagnosisOf(WRAPPER_SIGNS, text) ?? diagnoseSecrets(text) ?? diagnosisOf(SIGNS, text);
}
