import type { FieldCause } from './refusal.ts';
import { quoted } from './syntax.ts';

/** Everything that is wrong with an object, by field. */
export type Causes = FieldCause[];

export function wrong(causes: Causes, field: string, value: unknown, fault: string | undefined): void {
  if (fault === undefined) return;
  causes.push({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${quoted(value)}: ${fault}` });
}

export function missing(causes: Causes, field: string, detail = ''): void {
  causes.push({ field, reason: 'FieldValueRequired', message: `Required value${detail === '' ? '' : `: ${detail}`}` });
}

export function oneOf(causes: Causes, field: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return;
  const list = allowed.map((one) => `"${one}"`).join(', ');
  causes.push({
    field,
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${quoted(value)}: supported values: ${list}`,
  });
}

export function tooLong(causes: Causes, field: string, most: number): void {
  causes.push({ field, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${most} bytes` });
}

export function atLeast(causes: Causes, field: string, value: unknown, least: number): void {
  if (typeof value !== 'number' || value >= least) return;
  wrong(causes, field, value, `must be greater than or equal to ${least}`);
}
