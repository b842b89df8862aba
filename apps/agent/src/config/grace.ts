import { PERMANENT_GRACE_MS } from '@runner/dispatch';
import type { DiagnosisCategory } from '@runner/executor';

/** Categories of diagnoses that may have a grace of their own; `default` is every other. */
type GraceCategory = DiagnosisCategory | 'default';

/** Complete by its type: a new category does not compile until it stands here. */
const CATEGORIES: Readonly<Record<GraceCategory, true>> = {
  scheduling: true,
  image: true,
  quota: true,
  admission: true,
  configuration: true,
  secret: true,
  authentication: true,
  version: true,
  program: true,
  out_of_memory: true,
  disk: true,
  evicted: true,
  deadline: true,
  node_lost: true,
  signal: true,
  suspended: true,
  lost: true,
  unknown: true,
  default: true,
};

export const GRACE_CATEGORIES: readonly string[] = Object.keys(CATEGORIES);

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
