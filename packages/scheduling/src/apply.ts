import type { Explanation } from './merge.ts';
import { mergeLayers } from './merge.ts';
import type { ResolvedPlacement } from './placement-for.ts';

/** What this package needs to know of a pod's spec; every other field is passed through. */
export interface PlaceablePod {
  readonly containers: readonly { readonly name: string; readonly resources?: object }[];
}

export interface Applied<P> {
  readonly pod: P;
  /** Which setting decided each field, by its place in the pod: `tolerations[0]`, `containers[main].resources.limits.cpu`. */
  readonly explanation: readonly Explanation[];
}

/** Name of a pod's own values in explanations. */
const OWN = 'pod template';

/**
 * A pod's spec with a placement in it: tolerations, affinity, node selector and priority class on the pod, resources on
 * the named container. The placement is stronger than what the spec says itself; both are left unchanged.
 */
export function applyPlacement<P extends PlaceablePod>(
  pod: P,
  container: string,
  resolved: Pick<ResolvedPlacement, 'placement' | 'explanation'>,
): Applied<P> {
  const { resources, ...onPod } = resolved.placement;
  const own = pod as Readonly<Record<string, unknown>>;
  const onlyPlaced = Object.fromEntries(Object.keys(onPod).map((field) => [field, own[field]]));
  const merged = mergeLayers([
    { source: OWN, value: onlyPlaced },
    { source: 'placement', value: { ...onPod } },
  ]);
  const containers = pod.containers.map((one) =>
    one.name !== container || resources === undefined
      ? one
      : { ...one, resources: mergeLayers([layer(OWN, one.resources), layer('placement', resources)]).value },
  );
  const explanation = resolved.explanation.map(({ path, source }) => ({
    path: path.startsWith('resources') ? `containers[${container}].${path}` : path,
    source,
  }));
  return { pod: { ...pod, ...merged.value, containers }, explanation };
}

const layer = (source: string, value: object | undefined) => ({ source, value: { ...value } });
