import { PERMANENT_GRACE_MS } from '@runner/dispatch';
import { DIAGNOSIS_CATEGORIES } from '@runner/executor';
import type { DiagnosisCategory } from '@runner/executor';

/** Categories of diagnoses that may have a grace of their own; `default` is every other. */
type GraceCategory = DiagnosisCategory | 'default';

export const GRACE_CATEGORIES: readonly GraceCategory[] = [...DIAGNOSIS_CATEGORIES, 'default'];

/** What the dispatcher does unasked, as a user would write it. */
export const GRACE_DEFAULTS = `\`${Object.entries(PERMANENT_GRACE_MS)
  .map(([category, ms]) => `${category}:${ms / 1000}`)
  .join(',')}\``;

/** Milliseconds by category, for the dispatcher. */
export function permanentGraceMs(
  seconds: ReadonlyMap<string, number>,
): Readonly<Partial<Record<GraceCategory, number>>> {
  return Object.fromEntries([...seconds].map(([category, value]) => [category, value * 1000]));
}
