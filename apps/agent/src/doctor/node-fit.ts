import type { NodeTaints, Taint } from '@runner/kube';
import { isReservingTaint, mayBeSelected, taintText, untoleratedTaints } from '@runner/kube';
import type { Placement, SchedulingSettings, Toleration } from '@runner/scheduling';
import type { Node } from './looking.ts';
import { exceeding, podSpecOf } from './placements.ts';

/** A node as placements see it. */
export interface SeenNode extends NodeTaints {
  readonly name: string;
  readonly cordoned: boolean;
  readonly allocatable: Readonly<Record<string, string>>;
}

export const nodeOf = ({ metadata, spec, status }: Node): SeenNode => ({
  name: metadata?.name ?? '',
  labels: metadata?.labels ?? {},
  taints: spec?.taints ?? [],
  cordoned: spec?.unschedulable === true,
  allocatable: status?.allocatable ?? {},
});

/** Why a type's pods can go to no node; `fits` names the nodes they can go to. */
export type Fit =
  | { readonly kind: 'fits'; readonly nodes: readonly string[] }
  | { readonly kind: 'not_selected' }
  /** `best`: the taints of the node with the fewest to tolerate, of those that are meant to reserve nodes. */
  | { readonly kind: 'tainted'; readonly taints: readonly string[]; readonly best: readonly Taint[] | undefined }
  | { readonly kind: 'too_large'; readonly resources: readonly string[] }
  | { readonly kind: 'cordoned' };

/** What the scheduler would say to the pods of a placement, as far as nodes alone decide it: taints, labels, size. */
export function fitOf(placement: Placement, nodes: readonly SeenNode[]): Fit {
  const spec = podSpecOf(placement);
  const selected = nodes.filter((node) => mayBeSelected(spec, node));
  if (selected.length === 0) return { kind: 'not_selected' };
  const repelled = selected.map((node) => ({ node, taints: repelling(placement, node) }));
  const tolerated = repelled.filter(({ taints }) => taints.length === 0).map(({ node }) => node);
  if (tolerated.length === 0) return tainted(repelled.map(({ taints }) => taints));
  const open = tolerated.filter(({ cordoned }) => !cordoned);
  if (open.length === 0) return { kind: 'cordoned' };
  const requests = placement.resources?.requests ?? {};
  const fitting = open.filter(({ allocatable }) => exceeding(requests, allocatable).length === 0);
  if (fitting.length > 0) return { kind: 'fits', nodes: fitting.map(({ name }) => name) };
  const short = new Set(open.flatMap(({ allocatable }) => exceeding(requests, allocatable)));
  return { kind: 'too_large', resources: [...short].map((name) => `${requests[name] ?? ''} of ${name}`) };
}

const repelling = (placement: Placement, node: NodeTaints): readonly Taint[] =>
  untoleratedTaints({ spec: podSpecOf(placement) }, [node]).flat();

function tainted(byNode: readonly (readonly Taint[])[]): Fit {
  const usable = byNode.filter((taints) => taints.every((taint) => isReservingTaint(taint)));
  const best = usable.toSorted((a, b) => a.length - b.length)[0];
  const taints = [...new Set(byNode.flat().map((taint) => taintText(taint)))];
  return { kind: 'tainted', taints, best };
}

/**
 * The whole value of the placement variable in which these types tolerate these taints besides what they have: it can be
 * pasted as it stands.
 */
export function toleratingJson(
  { types }: Pick<SchedulingSettings, 'types'>,
  changed: readonly { readonly type: string; readonly taints: readonly Taint[] }[],
): string {
  const entries = Object.fromEntries(types.placements) as Record<string, Placement>;
  for (const { type, taints } of changed) {
    const own = entries[type] ?? {};
    entries[type] = { ...own, tolerations: [...(own.tolerations ?? []), ...taints.map(tolerationOf)] };
  }
  return JSON.stringify(entries);
}

/** The taint's value is matched exactly, so that the runs do not follow other uses of the key. */
const tolerationOf = ({ key, value, effect }: Taint): Toleration =>
  ({ key, operator: 'Equal', value: value ?? '', ...(effect === undefined ? {} : { effect }) }) as Toleration;
