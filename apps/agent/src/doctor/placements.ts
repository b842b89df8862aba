import type { PodSpec } from '@runner/kube';
import type { Amounts, Placement, SchedulingSettings } from '@runner/scheduling';
import { PIPELINE_TYPES, compareQuantities, parseQuantity, placementFor } from '@runner/scheduling';

/** Placement and resources of one pipeline type, as its pods get them. */
export interface TypePlacement {
  readonly type: string;
  readonly placement: Placement;
}

export const placementsOf = (settings: SchedulingSettings): readonly TypePlacement[] =>
  [...new Set([...PIPELINE_TYPES, ...settings.types.placements.keys()])].map((type) => ({
    type,
    placement: placementFor(type, settings).placement,
  }));

/** The fields of a pod that decide where it may go. */
export const podSpecOf = ({ tolerations, affinity, nodeSelector }: Placement): PodSpec => ({
  containers: [],
  ...(tolerations === undefined ? {} : { tolerations }),
  ...(affinity === undefined ? {} : { affinity }),
  ...(nodeSelector === undefined ? {} : { nodeSelector }),
});

/** What of some amounts is more than there is; names that are not listed are not limited. */
export function exceeding(wanted: Amounts, there: Amounts): readonly string[] {
  return Object.keys(wanted).filter((name) => {
    const limit = there[name];
    return limit !== undefined && compareQuantities(wanted[name] ?? '0', limit) > 0;
  });
}

/** `a - b`, as a quantity in billionths is compared: negative counts as nothing. */
export function rest(hard: string, used: string): string {
  const left = (parseQuantity(hard) ?? 0n) - (parseQuantity(used) ?? 0n);
  return left <= 0n ? '0' : `${left}n`;
}

/** Types by what is said of them, so that it is said once. */
export function together<T>(
  all: readonly TypePlacement[],
  keyOf: (one: TypePlacement) => T,
): ReadonlyMap<T, readonly string[]> {
  const groups = new Map<T, string[]>();
  for (const one of all) {
    const key = keyOf(one);
    groups.set(key, [...(groups.get(key) ?? []), one.type]);
  }
  return groups;
}
