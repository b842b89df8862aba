import { customType } from 'drizzle-orm/pg-core';

/**
 * A `jsonb` column that takes any JSON a workload may send. PostgreSQL refuses U+0000 and lone surrogates in JSON
 * strings (a Python traceback can hold both); they become U+FFFD.
 */
export const storedJson = customType<{ data: unknown; driverData: unknown }>({
  dataType: () => 'jsonb',
  toDriver: (value) => jsonText(value),
});

/** How a NUL or a surrogate that has no partner looks in well-formed JSON.stringify output (a pair is written as it is). */
const SUSPECT = /\\u(?:0000|d[89a-f])/i;

/** JSON text that PostgreSQL stores. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return SUSPECT.test(text) ? JSON.stringify(cleaned(value)) : text;
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value).toString().replaceAll('\0', '\uFFFD');
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleaned(key), cleaned(item)]));
}
