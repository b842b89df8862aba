import type { Findings } from './problem.ts';
import { suggestion } from './nearest.ts';

export type Plain = Readonly<Record<string, unknown>>;

export const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;

/** The value as an object, or a finding. */
export function asObject(value: unknown, findings: Findings): Plain | undefined {
  if (isPlain(value)) return value;
  findings.error('wrong_type', `must be an object, not ${kindOf(value)}.`, 'Write it between { and }.');
  return undefined;
}

/** The value as a list, or a finding. */
export function asList(value: unknown, findings: Findings): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as readonly unknown[];
  findings.error('wrong_type', `must be a list, not ${kindOf(value)}.`, 'Write it between [ and ].');
  return undefined;
}

/** The value as a text, or a finding. */
export function asText(value: unknown, findings: Findings): string | undefined {
  if (typeof value === 'string') return value;
  findings.error('wrong_type', `must be a text, not ${kindOf(value)}.`, 'Put it between double quotes.');
  return undefined;
}

/** The value as a whole number within bounds, or a finding. */
export function asWhole(value: unknown, findings: Findings, min: number, max: number): number | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  findings.error('wrong_type', `must be a whole number from ${min} to ${max}.`, 'Write it without quotes.');
  return undefined;
}

/** Names fields that nobody reads; they are left out. */
export function reportUnknownFields(object: Plain, known: readonly string[], findings: Findings): void {
  for (const field of Object.keys(object)) {
    if (known.includes(field)) continue;
    findings.at(field).warning('unknown_field', 'is not a known field and has no effect.', suggestion(field, known));
  }
}

/** Collects what is defined: absent fields stay absent. */
export function compact<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Checks each item of a list and keeps the good ones. */
export function mapList<T>(
  value: unknown,
  findings: Findings,
  check: (item: unknown, findings: Findings) => T | undefined,
): readonly T[] | undefined {
  if (value === undefined) return undefined;
  return asList(value, findings)?.flatMap((item, index) => {
    const checked = check(item, findings.at(index));
    return checked === undefined ? [] : [checked];
  });
}
