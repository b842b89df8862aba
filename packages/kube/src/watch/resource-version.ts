/**
 * Whether `one` is an older state of an object than `other`. Officially resource versions may only be told apart; API
 * servers over etcd count in decimals, and only those are put in order. Anything else is never older.
 */
export function isOlder(one: string, other: string): boolean {
  if (!DECIMAL.test(one) || !DECIMAL.test(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;
