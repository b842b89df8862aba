import type { Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import { findPlaintextSecrets, findSecretReferences, validateSecretId } from '@runner/secrets';
import type { JsonObject } from '../store/ports.ts';
import { objectOf, without } from './json.ts';

/** `refuse` is the default and what a hybrid runner is for; the others exist for installations that migrate. */
export type PlaintextMode = 'refuse' | 'warn' | 'allow';

/** One thing wrong with a connection. Never holds a value. */
export interface ConnectionProblem {
  /** JSON pointer into the request body. */
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/**
 * Type of documents that nobody describes: source configurations (dbt), `appConfig` and server connections have password
 * fields too, and there the name of a field has to tell.
 */
export const UNDESCRIBED = 'undescribed';

export interface ConnectionFindings {
  readonly refused: readonly ConnectionProblem[];
  readonly warnings: readonly ConnectionProblem[];
}

export interface ConnectionCheck {
  /** `connection.config` of a service. */
  readonly config: unknown;
  /** Service type such as `Postgres`. */
  readonly type: string;
  /** Where `config` stands in the request, for the pointers of the answer. */
  readonly at: string;
  /** What the runner resolves references with; unknown before it was ever connected. */
  readonly secretsManager: string | undefined;
  readonly mode: PlaintextMode;
}

/**
 * What keeps a connection from being used on a hybrid runner: plain text in masked fields, and references that its
 * secrets manager cannot have. Pure; the agent checks again for itself.
 */
export function checkConnection({ config, type, at, secretsManager, mode }: ConnectionCheck): ConnectionFindings {
  const refused: ConnectionProblem[] = [];
  const warnings: ConnectionProblem[] = [];
  for (const { pointer, level, code, message, hint } of findPlaintextSecrets(config, type)) {
    const problem = { pointer: `${at}${pointer}`, code, message, hint };
    const plaintext = code.startsWith('plaintext_');
    if (plaintext && mode === 'allow') continue;
    (level === 'refuse' && !(plaintext && mode === 'warn') ? refused : warnings).push(problem);
  }
  if (secretsManager !== undefined) refused.push(...unusableIds(config, at, secretsManager));
  return { refused, warnings };
}

/**
 * Rejects a connection that cannot be used (`plaintext_secret`, `secret_reference_invalid`), and says the rest in the log:
 * values that look like credentials, and references that would be passed on as they are.
 */
export function requireUsable(check: ConnectionCheck, logger: Logger): readonly ConnectionProblem[] {
  const { refused, warnings } = checkConnection(check);
  if (refused.length > 0) throw connectionRefused(refused);
  if (warnings.length > 0) {
    logger.warn('a connection looks as if it held credentials, or references that are not resolved', {
      type: check.type,
      warnings,
    });
  }
  return warnings;
}

/** Everything of a document that travels in a config, bar the one place where a token may stand (decided by its owner). */
export function travelling(document: JsonObject): JsonObject {
  return without(document, 'openMetadataServerConnection');
}

/** The document of an automation, bar its connection, which is judged by its type, and what its workload wrote. */
export function travellingBesideConnection(workflow: JsonObject): JsonObject {
  const request = objectOf(workflow['request']);
  const connection = without(objectOf(request['connection']), 'config');
  return { ...without(travelling(workflow), 'response'), request: { ...request, connection } };
}

function unusableIds(config: unknown, at: string, secretsManager: string): readonly ConnectionProblem[] {
  return findSecretReferences(config).flatMap(({ pointer, id }) =>
    validateSecretId(secretsManager, id).map((problem) => ({
      pointer: `${at}${pointer}`,
      code: problem.code,
      message: `the secrets manager ${secretsManager} of this runner cannot have this secret: ${problem.message}`,
      hint: problem.hint ?? 'correct the id behind secret:',
    })),
  );
}

/** The error for a connection that was refused; its details carry every problem with its JSON pointer. */
export function connectionRefused(problems: readonly ConnectionProblem[]): RunnerError {
  const plaintext = problems.some(({ code }) => code.startsWith('plaintext_'));
  return plaintext
    ? new RunnerError('plaintext_secret', 'plain-text credentials cannot be used with a hybrid runner', {
        hint: 'store each value in the secrets manager of the runner and write secret:<id> in its field',
        details: { errors: problems },
      })
    : new RunnerError('secret_reference_invalid', 'a secret reference of this connection cannot work', {
        hint: 'correct the references that errors points at',
        details: { errors: problems },
      });
}

/** `connection.config` of a service, whatever shape the document has. */
export function connectionConfigOf(service: JsonObject): unknown {
  const { connection } = service;
  return typeof connection === 'object' && connection !== null ? (connection as JsonObject)['config'] : undefined;
}
