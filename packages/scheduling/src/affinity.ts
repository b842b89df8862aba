import type { Findings } from './problem.ts';
import type { LabelSelector, Requirement } from './selector.ts';
import { NODE_OPERATORS, parseLabelSelector, parseRequirements } from './selector.ts';
import type { Plain } from './shape.ts';
import { asList, asObject, asText, asWhole, compact, mapList, reportUnknownFields } from './shape.ts';
import { labelKeyProblem, subdomainProblem } from './syntax.ts';

export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly Requirement[];
  /** Only `metadata.name`. */
  readonly matchFields?: readonly Requirement[];
}

export interface NodeAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: { readonly nodeSelectorTerms: readonly NodeSelectorTerm[] };
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly weight: number;
    readonly preference: NodeSelectorTerm;
  }[];
}

export interface PodAffinityTerm {
  readonly labelSelector?: LabelSelector;
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelector;
  readonly topologyKey: string;
}

export interface PodAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodAffinityTerm[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly weight: number;
    readonly podAffinityTerm: PodAffinityTerm;
  }[];
}

/** Rules on which node a pod may or should run, by node labels and by other pods. */
export interface Affinity {
  readonly nodeAffinity?: NodeAffinity;
  readonly podAffinity?: PodAffinity;
  readonly podAntiAffinity?: PodAffinity;
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

export function parseAffinity(value: unknown, findings: Findings): Affinity | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['nodeAffinity', 'podAffinity', 'podAntiAffinity'], findings);
  const part = <T>(field: string, parse: (value: unknown, findings: Findings) => T | undefined): T | undefined =>
    object[field] === undefined ? undefined : parse(object[field], findings.at(field));
  return compact<Affinity>({
    nodeAffinity: part('nodeAffinity', parseNodeAffinity),
    podAffinity: part('podAffinity', parsePodAffinity),
    podAntiAffinity: part('podAntiAffinity', parsePodAffinity),
  });
}

function parseNodeAffinity(value: unknown, findings: Findings): NodeAffinity | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, [REQUIRED, PREFERRED], findings);
  return compact<NodeAffinity>({
    [REQUIRED]:
      object[REQUIRED] === undefined ? undefined : parseRequiredNodes(object[REQUIRED], findings.at(REQUIRED)),
    [PREFERRED]: mapList(object[PREFERRED], findings.at(PREFERRED), (item, at) => {
      const entry = asObject(item, at);
      if (entry === undefined) return undefined;
      reportUnknownFields(entry, ['weight', 'preference'], at);
      const weight = asWhole(entry['weight'], at.at('weight'), 1, 100);
      const preference = parseNodeTerm(entry['preference'], at.at('preference'));
      return weight === undefined || preference === undefined ? undefined : { weight, preference };
    }),
  });
}

function parseRequiredNodes(
  value: unknown,
  findings: Findings,
): { nodeSelectorTerms: readonly NodeSelectorTerm[] } | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['nodeSelectorTerms'], findings);
  const at = findings.at('nodeSelectorTerms');
  const list = asList(object['nodeSelectorTerms'], at);
  if (list?.length === 0)
    at.error('values_missing', 'must hold at least one term.', 'Add a term with matchExpressions.');
  return { nodeSelectorTerms: mapList(list ?? [], at, parseNodeTerm) ?? [] };
}

function parseNodeTerm(value: unknown, findings: Findings): NodeSelectorTerm | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['matchExpressions', 'matchFields'], findings);
  const fields = parseRequirements(object['matchFields'], findings.at('matchFields'), ['In', 'NotIn']);
  for (const [index, field] of (fields ?? []).entries()) {
    if (field.key === 'metadata.name') continue;
    findings
      .at('matchFields')
      .at(index)
      .at('key')
      .error('invalid_key', 'must be "metadata.name".', 'Use matchExpressions for labels.');
  }
  return compact<NodeSelectorTerm>({
    matchExpressions: parseRequirements(object['matchExpressions'], findings.at('matchExpressions'), NODE_OPERATORS),
    matchFields: fields,
  });
}

function parsePodAffinity(value: unknown, findings: Findings): PodAffinity | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, [REQUIRED, PREFERRED], findings);
  return compact<PodAffinity>({
    [REQUIRED]: mapList(object[REQUIRED], findings.at(REQUIRED), parsePodTerm),
    [PREFERRED]: mapList(object[PREFERRED], findings.at(PREFERRED), (item, at) => {
      const entry = asObject(item, at);
      if (entry === undefined) return undefined;
      reportUnknownFields(entry, ['weight', 'podAffinityTerm'], at);
      const weight = asWhole(entry['weight'], at.at('weight'), 1, 100);
      const podAffinityTerm = parsePodTerm(entry['podAffinityTerm'], at.at('podAffinityTerm'));
      return weight === undefined || podAffinityTerm === undefined ? undefined : { weight, podAffinityTerm };
    }),
  });
}

function parsePodTerm(value: unknown, findings: Findings): PodAffinityTerm | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['labelSelector', 'namespaces', 'namespaceSelector', 'topologyKey'], findings);
  const topologyKey = asText(object['topologyKey'], findings.at('topologyKey'));
  if (topologyKey === undefined) return undefined;
  const badKey = topologyKey === '' ? 'it must not be empty' : labelKeyProblem(topologyKey);
  if (badKey !== undefined) {
    findings
      .at('topologyKey')
      .error('invalid_key', `is not a label key: ${badKey}.`, 'Usual: "kubernetes.io/hostname".');
  }
  return compact<PodAffinityTerm>({
    labelSelector: parseLabelSelector(object['labelSelector'], findings.at('labelSelector')),
    namespaces: parseNamespaces(object, findings.at('namespaces')),
    namespaceSelector: parseLabelSelector(object['namespaceSelector'], findings.at('namespaceSelector')),
    topologyKey,
  });
}

const parseNamespaces = (object: Plain, findings: Findings): readonly string[] | undefined =>
  mapList(object['namespaces'], findings, (item, at) => {
    const name = asText(item, at);
    const bad = name === undefined ? undefined : subdomainProblem(name);
    if (bad !== undefined) at.error('invalid_name', `is not a namespace: ${bad}.`, 'Copy the name from the cluster.');
    return name;
  });
