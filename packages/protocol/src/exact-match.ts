import type { z } from 'zod';

/** Says of a value that it is exactly as a schema wants it: valid, nothing unknown in it, no default missing. */
export type ExactMatch = (value: unknown) => boolean;

type Definition = z.core.$ZodTypeDef & Record<string, unknown>;
type CheckDefinition = z.core.$ZodCheckDef & Record<string, unknown>;
type Shape = Readonly<Record<string, z.core.$ZodType>>;

const NEVER: ExactMatch = () => false;

/**
 * A quick answer for the usual case. Parsing with zod costs more than `JSON.parse` itself, mostly to build a copy without
 * unknown fields; where there are none the frame can be taken as it is. The answer "no" means nothing but that zod has to
 * look. What is not known here is never exact, so that a new kind of schema is slower, not wrong.
 */
export function exactMatch(schema: z.core.$ZodType): ExactMatch {
  const definition = schema._zod.def as Definition;
  const inner = (key: string): ExactMatch => exactMatch(definition[key] as z.core.$ZodType);
  switch (definition.type) {
    case 'string':
      return stringMatch(checksOf(definition));
    case 'number':
      return numberMatch(checksOf(definition));
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'literal':
    case 'enum':
      return valuesMatch(schema._zod.values);
    case 'optional':
      return optionalMatch(inner('innerType'));
    // Without the value zod has to fill it in.
    case 'default':
      return inner('innerType');
    case 'array':
      return arrayMatch(inner('element'), checksOf(definition));
    case 'object':
      return definition['catchall'] === undefined
        ? objectMatch(definition['shape'] as Shape, checksOf(definition))
        : NEVER;
    case 'record':
      return checksOf(definition).length === 0 ? recordMatch(inner('keyType'), inner('valueType')) : NEVER;
    case 'union':
      return unionMatch(definition['options'] as z.core.$ZodType[], definition['discriminator']);
    case 'custom':
      return typeof definition['fn'] === 'function' ? (definition['fn'] as ExactMatch) : NEVER;
    default:
      return NEVER;
  }
}

function checksOf(definition: Definition): readonly CheckDefinition[] {
  const checks = definition.checks ?? [];
  // A format like z.uuid() is its own check.
  const own = 'check' in definition ? [definition as unknown as CheckDefinition] : [];
  return [...own, ...checks.map(({ _zod }) => _zod.def as CheckDefinition)];
}

function stringMatch(checks: readonly CheckDefinition[]): ExactMatch {
  const length = lengthRange(checks);
  const isFurther = furtherChecks(checks);
  return (value) =>
    typeof value === 'string' && value.length >= length.least && value.length <= length.most && isFurther(value);
}

/** What is left besides limits of length. */
function furtherChecks(checks: readonly CheckDefinition[]): ExactMatch {
  const others = checks.filter(({ check }) => check !== 'min_length' && check !== 'max_length').map(otherCheck);
  const [first, ...more] = others;
  if (first === undefined) return () => true;
  return more.length === 0 ? first : (value) => others.every((matches) => matches(value));
}

/** Integers between limits; other numbers are left to zod. */
function numberMatch(checks: readonly CheckDefinition[]): ExactMatch {
  let least = -Infinity;
  let most = Infinity;
  let isInteger = false;
  for (const { check, format, value, inclusive } of checks) {
    if (check === 'number_format' && format === 'safeint') isInteger = true;
    else if (check === 'greater_than') least = Math.max(least, (value as number) + (inclusive === true ? 0 : 1));
    else if (check === 'less_than') most = Math.min(most, (value as number) - (inclusive === true ? 0 : 1));
    else return NEVER;
  }
  if (!isInteger) return NEVER;
  return (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function lengthRange(checks: readonly CheckDefinition[]): { least: number; most: number } {
  const range = { least: 0, most: Infinity };
  for (const { check, minimum, maximum } of checks) {
    if (check === 'min_length') range.least = Math.max(range.least, minimum as number);
    if (check === 'max_length') range.most = Math.min(range.most, maximum as number);
  }
  return range;
}

function otherCheck({ check, pattern, fn }: CheckDefinition): ExactMatch {
  if (check === 'custom' && typeof fn === 'function') return fn as ExactMatch;
  if (check === 'string_format' && pattern instanceof RegExp && !pattern.global && !pattern.sticky) {
    return (value) => pattern.test(value as string);
  }
  return NEVER;
}

function valuesMatch(values: ReadonlySet<unknown> | undefined): ExactMatch {
  if (values === undefined) return NEVER;
  const list = [...values];
  return (value) => list.includes(value);
}

function optionalMatch(inner: ExactMatch): ExactMatch {
  return (value) => value === undefined || inner(value);
}

function arrayMatch(element: ExactMatch, checks: readonly CheckDefinition[]): ExactMatch {
  const { least, most } = lengthRange(checks);
  const isFurther = furtherChecks(checks);
  return (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return false;
    // Unlike `every`, this sees holes.
    for (let at = 0; at < value.length; at += 1) if (!element(value[at])) return false;
    return isFurther(value);
  };
}

function objectMatch(shape: Shape, checks: readonly CheckDefinition[]): ExactMatch {
  const names = Object.keys(shape);
  // What every object inherits would look like a field that is there.
  if (names.some((name) => name in Object.prototype)) return NEVER;
  const fields = Object.values(shape).map(exactMatch);
  const isFurther = furtherChecks(checks);
  return (value) => {
    if (!isPlain(value)) return false;
    let known = 0;
    for (let at = 0; at < names.length; at += 1) {
      const field = value[names[at] as string];
      if (fields[at]?.(field) !== true) return false;
      if (field !== undefined) known += 1;
    }
    return Object.keys(value).length === known && isFurther(value);
  };
}

/** Taken out on reading; see prototype-keys.ts. */
const DANGEROUS: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

function recordMatch(key: ExactMatch, item: ExactMatch): ExactMatch {
  return (value) => {
    if (!isPlain(value)) return false;
    return Object.keys(value).every((name) => !DANGEROUS.has(name) && key(name) && item(value[name]));
  };
}

function unionMatch(options: readonly z.core.$ZodType[], discriminator: unknown): ExactMatch {
  if (typeof discriminator !== 'string') return NEVER;
  const branches = new Map<unknown, ExactMatch>();
  for (const option of options) {
    for (const word of option._zod.propValues?.[discriminator] ?? []) branches.set(word, exactMatch(option));
  }
  return (value) => isPlain(value) && branches.get(value[discriminator])?.(value) === true;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
