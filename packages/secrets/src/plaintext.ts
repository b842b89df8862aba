import { isSecret } from '@runner/core';
import type { DescribedPlace } from './described-fields.ts';
import { typePlace } from './described-fields.ts';
import type { PointerSegment } from './pointer.ts';
import { toPointer } from './pointer.ts';
import { SECRET_PREFIX, isNearReference, parseSecretReference } from './reference.ts';
import type { JsonSchema } from './schema-fields.ts';
import { schemaPlace } from './schema-fields.ts';
import { isTellingName } from './telling-names.ts';

export type PlaintextFindingCode =
  | 'plaintext_secret'
  | 'plaintext_pem'
  | 'plaintext_suspected'
  | 'plaintext_in_url'
  | 'reference_malformed'
  | 'reference_misspelt'
  | 'reference_not_masked'
  | 'reference_embedded'
  | 'connection_too_deep';

/** A place in a connection where a credential stands, or a reference that will not work. Never holds the value. */
export interface PlaintextFinding {
  /** JSON pointer into the connection that was given. */
  readonly pointer: string;
  /** `refuse`: nothing may be created with it. `warn`: somebody should look. */
  readonly level: 'refuse' | 'warn';
  readonly code: PlaintextFindingCode;
  readonly message: string;
  readonly hint: string;
}

const DEEPEST = 64;
/** The first ones are enough to reject a connection; a hostile one shall not make a long answer. */
const MOST_FINDINGS = 100;
const LONGEST_POINTER = 512;

const PEM = /-----BEGIN [A-Z0-9 ]{1,64}-----/;
const PRIVATE_PEM = /-----BEGIN [A-Z0-9 ]{0,50}PRIVATE KEY-----/;
const URL_PASSWORD = /^[a-z][a-z0-9+.-]{0,40}:\/\/[^\s/:@]{0,256}:[^\s/@]{1,1024}@/i;
const EMBEDDED_REFERENCE = /[\s:/@=,;&?"'({[]secret:\S/;

const USE_REFERENCE = `store the value in the secrets manager of the runner and write ${SECRET_PREFIX}<id> here`;

interface Place extends Pick<DescribedPlace, 'masked' | 'known'> {
  /** The key that says what the value is: elements of a list are judged by the list's name. */
  readonly name: string;
}

/** Keys that say nothing; the one above them does. */
const SAYS_NOTHING: ReadonlySet<string> = new Set(['value', 'plain', 'plaintext', 'raw', 'text', 'string', 'content']);

type Judgement = Omit<PlaintextFinding, 'pointer'> | undefined;

/**
 * Finds everything in a connection that is a credential and not a reference. Absent values, null, `""` and a value of
 * only asterisks (the stored one is meant) are allowed.
 *
 * Pure; control plane and agent call it before anything is created, each for itself.
 * @param connection what stands in `connection.config` of a service, or the object that holds `config`
 * @param described the connection type: `database/postgres`, or the service type `Postgres`; or a JSON Schema of the
 *   connection, in which masked fields have `"format": "password"`. For types the data does not know and for fields the
 *   schema does not declare, telling names are refused; on known ones they are warned about.
 * @returns findings in reading order, at most 100
 */
export function findPlaintextSecrets(connection: unknown, described: string | JsonSchema): readonly PlaintextFinding[] {
  const findings = new Map<string, PlaintextFinding>();
  const add = (segments: readonly PointerSegment[], judgement: Judgement): void => {
    const pointer = toPointer(segments).slice(0, LONGEST_POINTER);
    if (judgement === undefined || findings.size >= MOST_FINDINGS) return;
    if (!findings.has(pointer)) findings.set(pointer, { pointer, ...judgement });
  };

  const visit = (value: unknown, segments: readonly PointerSegment[], name: string, place: DescribedPlace): void => {
    if (findings.size >= MOST_FINDINGS) return;
    if (typeof value !== 'object' || value === null || isSecret(value)) {
      add(segments, judge(value, { name, masked: place.masked, known: place.known }));
    } else if (segments.length >= DEEPEST) {
      add(segments, TOO_DEEP);
    } else if (Array.isArray(value)) {
      value.forEach((item: unknown, index) => visit(item, [...segments, index], name, place.child(index)));
    } else {
      for (const [key, item] of Object.entries(value)) {
        const telling = SAYS_NOTHING.has(key.toLowerCase()) ? name : key;
        visit(item, [...segments, key], telling, place.child(key));
      }
    }
  };
  visit(connection, [], '', typeof described === 'string' ? typePlace(described) : schemaPlace(described));
  return [...findings.values()];
}

const TOO_DEEP: Judgement = {
  level: 'refuse',
  code: 'connection_too_deep',
  message: `the connection is nested deeper than ${DEEPEST} levels`,
  hint: 'no connection type is nested like that; check what was sent',
};

function judge(value: unknown, place: Place): Judgement {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') {
    if (/^\*+$/.test(value)) return undefined;
    const reference = judgeReference(value, place);
    if (reference !== 'none') return reference;
    return judgeText(value, place);
  }
  // A password of digits may have come as a number.
  if (place.masked && !isSecret(value)) return plaintext();
  return undefined;
}

function judgeReference(value: string, { masked, known }: Place): Judgement | 'none' {
  const reference = parseSecretReference(value);
  if (reference !== undefined) {
    const [problem] = reference.problems;
    if (problem !== undefined) {
      const { message, hint = 'correct the reference' } = problem;
      return { level: 'refuse', code: 'reference_malformed', message: `the reference cannot work: ${message}`, hint };
    }
    if (masked || !known) return undefined;
    return {
      level: 'warn',
      code: 'reference_not_masked',
      message: 'references are resolved in masked fields only; here the text itself would be used',
      hint: 'move the credential to the field of the form that masks its value',
    };
  }
  if (masked && isNearReference(value)) {
    return {
      level: 'refuse',
      code: 'reference_misspelt',
      message: 'this was meant as a reference but is none, so the text itself would be used as the credential',
      hint: `begin with ${SECRET_PREFIX} in lower case and with nothing before it`,
    };
  }
  return 'none';
}

function judgeText(value: string, { masked, known, name }: Place): Judgement {
  const suspicion = known ? 'warn' : 'refuse';
  if (PRIVATE_PEM.test(value) || ((masked || !known) && PEM.test(value))) {
    return {
      level: 'refuse',
      code: 'plaintext_pem',
      message: 'a key or certificate stands here as text',
      hint: USE_REFERENCE,
    };
  }
  if (masked) return plaintext();
  if (URL_PASSWORD.test(value)) {
    return {
      level: suspicion,
      code: 'plaintext_in_url',
      message: 'a user and a password stand in this URL',
      hint: 'take them out of the URL and put the password as a reference into its own field',
    };
  }
  if (isTellingName(name)) {
    return {
      level: suspicion,
      code: 'plaintext_suspected',
      message: 'a field of this name usually holds a credential',
      hint: USE_REFERENCE,
    };
  }
  if (EMBEDDED_REFERENCE.test(value)) {
    return {
      level: 'warn',
      code: 'reference_embedded',
      message: 'a reference inside a longer text is not resolved; the text would be used as it is',
      hint: `a reference is the whole value of a field and begins with ${SECRET_PREFIX}`,
    };
  }
  return undefined;
}

function plaintext(): Judgement {
  return {
    level: 'refuse',
    code: 'plaintext_secret',
    message: 'a credential stands here as plain text',
    hint: USE_REFERENCE,
  };
}
