import type { Affinity } from './affinity.ts';
import { parseAffinity } from './affinity.ts';
import { checkContradictions } from './contradictions.ts';
import type { Findings } from './problem.ts';
import type { Resources } from './resources.ts';
import { parseResources } from './resources.ts';
import { parseLabels } from './selector.ts';
import { asObject, asText, compact, reportUnknownFields } from './shape.ts';
import { subdomainProblem } from './syntax.ts';
import type { Toleration } from './toleration.ts';
import { parseTolerations } from './toleration.ts';

/** Where the pods of one pipeline type run and what they get. */
export interface Placement {
  readonly tolerations?: readonly Toleration[];
  readonly affinity?: Affinity;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly priorityClassName?: string;
  readonly resources?: Resources;
}

export const PLACEMENT_FIELDS = ['tolerations', 'affinity', 'nodeSelector', 'priorityClassName', 'resources'] as const;

/** One entry of the configuration; whatever is wrong with it goes to `findings`. */
export function parsePlacement(value: unknown, findings: Findings): Placement | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, PLACEMENT_FIELDS, findings);
  const part = <T>(field: string, parse: (value: unknown, findings: Findings) => T | undefined): T | undefined =>
    object[field] === undefined || object[field] === null ? undefined : parse(object[field], findings.at(field));
  const placement = compact<Placement>({
    tolerations: part('tolerations', parseTolerations),
    affinity: part('affinity', parseAffinity),
    nodeSelector: part('nodeSelector', parseLabels),
    priorityClassName: part('priorityClassName', parsePriorityClass),
    resources: part('resources', parseResources),
  });
  // Of a part that was left out nothing can be said.
  if (!findings.failed()) checkContradictions(placement, findings);
  return placement;
}

function parsePriorityClass(value: unknown, findings: Findings): string | undefined {
  const name = asText(value, findings);
  const bad = name === undefined || name === '' ? undefined : subdomainProblem(name);
  if (bad !== undefined)
    findings.error('invalid_name', `is not a priority class: ${bad}.`, 'See: kubectl get priorityclasses');
  return name === '' ? undefined : name;
}
