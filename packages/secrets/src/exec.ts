/** For programs that run under `runner-secrets exec`, and the redactor that it uses. */
export { REGISTRATION_VARIABLE, inheritedRegister } from './exec/registration.ts';
export type { RegisterSecrets } from './exec/registration.ts';
export { parseChecks } from './cli/check.ts';
export type { CheckResult } from './cli/check.ts';
export { runnerSecretsCommand } from './exec/own-command.ts';
export { REDACTED, createRedactor } from './redactor/redactor.ts';
export type { Redactor } from './redactor/redactor.ts';
