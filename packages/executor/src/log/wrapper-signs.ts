import type { Sign } from './sign.ts';

/** What `runner-secrets exec` says when it stands in front of a program and cannot start it. */
export const WRAPPER_SIGNS: readonly Sign[] = [
  {
    pattern: /^runner-secrets: ([^\n]{1,250}) could not be started: [^\n]{0,300}\bENOENT\b/m,
    category: 'configuration',
    code: 'program_not_found',
    message: 'The program of the run, $1, does not exist, or is not found in PATH.',
    hint: 'Install the ingestion where the agent runs, or name the program in INGESTION_COMMAND.',
  },
  {
    pattern: /^runner-secrets: ([^\n]{1,250}) could not be started: [^\n]{0,300}\b(?:EACCES|EPERM|ENOEXEC)\b/m,
    category: 'configuration',
    code: 'program_not_executable',
    message:
      'The program of the run, $1, may not be executed by this user, or is of no format that the system executes.',
    hint: 'Make it executable (chmod +x) for the user of the agent, or name its interpreter in INGESTION_COMMAND.',
  },
  {
    pattern: /^runner-secrets: ([^\n]{1,250}) could not be started: [^\n]{0,300}\bE2BIG\b/m,
    category: 'configuration',
    code: 'environment_too_large',
    message: 'The environment of the run is larger than the system allows ($1).',
    hint: 'Shorten the extra environment variables.',
  },
  {
    pattern: /^runner-secrets: [^\n]{1,2100}?: (secret_[a-z_]{3,40}: [^\n]{1,250})/m,
    category: 'secret',
    code: 'secret_unreadable',
    message: 'A secret of the run could not be read: $1',
    hint: 'Correct what the message names; the agent may check it with SECRETS_PREFLIGHT_REF.',
  },
];
