import type { Requirement } from './selector.ts';

/** Longest range of whole numbers that is looked at one by one. */
const MAX_RANGE = 1000;

/** Whether labels can exist for which all conditions hold. */
export function satisfiable(requirements: readonly Requirement[]): boolean {
  const keys = new Set(requirements.map((requirement) => requirement.key));
  return [...keys].every((key) => oneLabel(requirements.filter((requirement) => requirement.key === key)));
}

/** The same for conditions on one label. */
function oneLabel(requirements: readonly Requirement[]): boolean {
  const valuesOf = (operator: string): readonly (readonly string[])[] =>
    requirements.filter((one) => one.operator === operator).map((one) => one.values ?? []);
  const [within, without] = [valuesOf('In'), new Set(valuesOf('NotIn').flat())];
  const lower = Math.max(...valuesOf('Gt').map(([value]) => Number(value)));
  const upper = Math.min(...valuesOf('Lt').map(([value]) => Number(value)));
  const bounded = lower !== -Infinity || upper !== Infinity;
  const needed = within.length > 0 || bounded || requirements.some((one) => one.operator === 'Exists');
  if (requirements.some((one) => one.operator === 'DoesNotExist')) return !needed;
  const [first, ...others] = within;
  if (first === undefined) return !bounded || numberBetween(lower, upper, without);
  return first.some(
    (value) =>
      others.every((list) => list.includes(value)) &&
      !without.has(value) &&
      (!bounded || (/^-?\d+$/.test(value) && Number(value) > lower && Number(value) < upper)),
  );
}

/** Whether a whole number lies between the bounds that is not excluded. */
function numberBetween(lower: number, upper: number, without: ReadonlySet<string>): boolean {
  const count = upper - lower - 1;
  if (count <= 0) return false;
  // So many are never all excluded by hand.
  if (count > MAX_RANGE) return true;
  for (let value = lower + 1; value < upper; value += 1) if (!without.has(String(value))) return true;
  return false;
}
