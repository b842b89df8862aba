import { compareQuantities, parseQuantity } from '@runner/scheduling';

/** Amounts as files have them: texts, or numbers where nobody wrote quotes. */
export function amountsOf(resources: unknown, part: 'requests' | 'limits'): ReadonlyMap<string, string> {
  const amounts = field(resources, part);
  if (typeof amounts !== 'object' || amounts === null) return new Map();
  return new Map(Object.entries(amounts).map(([kind, amount]: [string, unknown]) => [kind, textOf(amount)]));
}

/** Kind of the first amount, such as `cpu`, whose request is more than its limit; the API refuses such a pod. */
export function requestAboveLimit(resources: unknown): string | undefined {
  const limits = amountsOf(resources, 'limits');
  return [...amountsOf(resources, 'requests')].find(([kind, request]) => {
    const limit = limits.get(kind);
    return limit !== undefined && isAmount(request) && isAmount(limit) && compareQuantities(request, limit) > 0;
  })?.[0];
}

export const isAmount = (text: string): boolean => parseQuantity(text) !== undefined;

const textOf = (amount: unknown): string =>
  typeof amount === 'string' || typeof amount === 'number' ? String(amount) : '';

/** A field of what may be an object. */
export function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Readonly<Record<string, unknown>>)[name] : undefined;
}
