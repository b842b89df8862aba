import { secretError, shownId } from './errors.ts';

/**
 * What stands in a masked field instead of a credential. Reading is exactly that of OpenMetadata's ingestion library:
 * a text that starts with `secret:` is a reference, and its id is the text with every `secret:` taken out.
 */
export const SECRET_PREFIX = 'secret:';

/** Longer than any name the known stores take (an AWS ARN may have 2,048 characters). */
export const LONGEST_ID = 2_048;

export type SecretIdProblemCode =
  | 'secret_id_empty'
  | 'secret_id_whitespace'
  | 'secret_id_control_character'
  | 'secret_id_invisible_character'
  | 'secret_id_prefix_repeated'
  | 'secret_id_too_long'
  | 'secret_id_path'
  | 'secret_id_characters'
  | 'secret_id_traversal'
  | 'secret_id_arn'
  | 'secret_id_selector'
  | 'secret_id_provider_cannot_resolve'
  | 'secret_id_provider_unknown';

/** Why an id will not work, although the library would try it. */
export interface SecretIdProblem {
  readonly code: SecretIdProblemCode;
  readonly message: string;
  readonly hint?: string;
}

export interface SecretReference {
  /** As the library reads it. */
  readonly id: string;
  /** Stricter than the library: everything it would accept and then fail on. Empty when all is well. */
  readonly problems: readonly SecretIdProblem[];
}

/** True when the library would ask a secrets manager for this value. Case matters and nothing may stand before it. */
export function isSecretReference(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(SECRET_PREFIX);
}

/** True for texts that were meant as a reference and are none: `Secret:x`, ` secret:x`, `secret :x`. */
export function isNearReference(value: string): boolean {
  return !value.startsWith(SECRET_PREFIX) && /^\s{0,16}["']?secret\s{0,4}:/i.test(value);
}

/** The reference in a value, or undefined for anything that is none. Never throws. */
export function parseSecretReference(value: unknown): SecretReference | undefined {
  if (!isSecretReference(value)) return undefined;
  const id = value.replaceAll(SECRET_PREFIX, '');
  const problems = [...idProblems(id)];
  if (value.indexOf(SECRET_PREFIX, SECRET_PREFIX.length) !== -1) {
    problems.unshift({
      code: 'secret_id_prefix_repeated',
      message: 'the prefix secret: stands more than once, and every one of them is taken out of the id',
      hint: 'write the prefix once; an ARN of AWS Secrets Manager holds ":secret:" itself and cannot be used, give its name',
    });
  }
  return { id, problems };
}

/** The id of a reference without problems; anything else is an error with code `secret_malformed_id`. */
export function requireSecretId(value: unknown): string {
  const reference = parseSecretReference(value);
  if (reference === undefined) {
    throw secretError('secret_malformed_id', 'the value is not a secret reference', {
      hint: 'a reference is the prefix secret: and the id, such as secret:my-db-password',
    });
  }
  const [problem] = reference.problems;
  if (problem !== undefined) throw malformedId(reference.id, problem);
  return reference.id;
}

/** A problem of an id as the error that stops the work. */
export function malformedId(id: string, problem: SecretIdProblem, provider?: string): Error {
  return secretError('secret_malformed_id', `the secret id ${shownId(id)} cannot be used: ${problem.message}`, {
    details: { problem: problem.code },
    ...(provider === undefined ? {} : { provider }),
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}

/** What is wrong with an id whatever the store. */
export function idProblems(id: string): readonly SecretIdProblem[] {
  if (id === '') {
    return [
      { code: 'secret_id_empty', message: 'nothing stands behind secret:', hint: 'name the secret behind the prefix' },
    ];
  }
  // Nearly every id; the classes of Unicode below are slow to search.
  if (id.length <= LONGEST_ID && /^[\x21-\x7e]+$/.test(id)) return [];
  const problems: SecretIdProblem[] = [];
  if (id.length > LONGEST_ID) {
    problems.push({ code: 'secret_id_too_long', message: `it is longer than ${LONGEST_ID} characters` });
  }
  if (/\p{Cc}/u.test(id)) {
    problems.push({
      code: 'secret_id_control_character',
      message: 'it holds a line break, a NUL or another control character',
      hint: 'retype the reference; it was probably copied together with the end of its line',
    });
  }
  if (/[\p{Z}]/u.test(id)) {
    problems.push({
      code: 'secret_id_whitespace',
      message: 'it holds white space',
      hint: 'write the id directly behind secret: and without blanks',
    });
  }
  if (/[\p{Cf}\p{Cs}\p{Co}\p{Cn}]/u.test(id)) {
    problems.push({
      code: 'secret_id_invisible_character',
      message: 'it holds a character that cannot be seen or does not exist',
      hint: 'retype the reference; it was probably copied from a formatted page',
    });
  }
  return problems;
}
