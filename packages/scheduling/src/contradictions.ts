import { isDeepStrictEqual } from 'node:util';
import type { Affinity, NodeSelectorTerm, PodAffinityTerm } from './affinity.ts';
import type { Placement } from './placement.ts';
import type { Findings } from './problem.ts';
import { satisfiable } from './satisfiable.ts';
import type { Requirement } from './selector.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

/** What is right field by field and cannot hold together: no node could ever take such a pod. */
export function checkContradictions({ nodeSelector, affinity }: Placement, findings: Findings): void {
  const selected = Object.entries(nodeSelector ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: 'In',
    values: [value],
  }));
  checkNodeTerms(affinity, selected, findings.at('affinity').at('nodeAffinity').at(REQUIRED).at('nodeSelectorTerms'));
  checkPodTerms(affinity, findings.at('affinity').at('podAntiAffinity').at(REQUIRED));
}

function checkNodeTerms(affinity: Affinity | undefined, selected: readonly Requirement[], findings: Findings): void {
  const terms = affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return;
  const impossible = terms.map((term) => !possible(term));
  for (const [index, bad] of impossible.entries()) {
    if (bad) reportTerm(terms[index], findings.at(index), impossible.every(Boolean));
  }
  if (impossible.every(Boolean)) return;
  const kept = terms.filter((_, index) => impossible[index] === false);
  if (kept.some((term) => satisfiable([...(term.matchExpressions ?? []), ...selected]))) return;
  findings.error(
    'contradiction',
    'exclude what nodeSelector asks for: no node can satisfy both.',
    'Let both name the same labels, or remove one.',
  );
}

/** A term without any condition matches no node (Kubernetes' API reference). */
const isEmpty = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean =>
  matchExpressions.length + matchFields.length === 0;

const possible = (term: NodeSelectorTerm): boolean =>
  !isEmpty(term) && satisfiable(term.matchExpressions ?? []) && satisfiable(term.matchFields ?? []);

function reportTerm(term: NodeSelectorTerm | undefined, findings: Findings, all: boolean): void {
  const message =
    term === undefined || isEmpty(term)
      ? 'has no condition, and matches no node.'
      : 'has conditions on one label that exclude each other: no node matches.';
  const fix = 'Correct the conditions, or remove the term.';
  // Terms are alternatives: as long as one is left, pods can be placed.
  if (all) findings.error('contradiction', message, fix);
  else findings.warning('contradiction', message, fix);
}

function checkPodTerms(affinity: Affinity | undefined, findings: Findings): void {
  const wanted = affinity?.podAffinity?.[REQUIRED] ?? [];
  for (const [index, term] of (affinity?.podAntiAffinity?.[REQUIRED] ?? []).entries()) {
    if (!wanted.some((other) => sameTerm(other, term))) continue;
    findings
      .at(index)
      .error('contradiction', 'forbids the very pods that podAffinity asks for.', 'Remove it here or in podAffinity.');
  }
}

const sameTerm = (a: PodAffinityTerm, b: PodAffinityTerm): boolean =>
  isDeepStrictEqual(structuredClone(a), structuredClone(b));
