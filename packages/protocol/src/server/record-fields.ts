import type { RunRecord } from './ports.ts';

/** `{ [key]: value }`, or nothing at all when there is no value: absent fields stay absent, so that rows compare equal. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

type OptionalKey = { [K in keyof RunRecord]-?: undefined extends RunRecord[K] ? K : never }[keyof RunRecord];

/** A copy of the row that lacks these fields. */
export function without(row: RunRecord, ...keys: readonly OptionalKey[]): RunRecord {
  const gone: ReadonlySet<string> = new Set(keys);
  return Object.fromEntries(Object.entries(row).filter(([key]) => !gone.has(key))) as unknown as RunRecord;
}
