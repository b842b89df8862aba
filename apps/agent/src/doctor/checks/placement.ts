import type { Taint } from '@runner/kube';
import { defineCheck } from '../check.ts';
import type { Result, Say } from '../check.ts';
import { clusterOf } from '../context.ts';
import { NODES, lookAround } from '../looking.ts';
import { fitOf, nodeOf, toleratingJson } from '../node-fit.ts';
import type { Fit, SeenNode } from '../node-fit.ts';
import type { SchedulingSettings } from '@runner/scheduling';
import { placementsOf } from '../placements.ts';

const REASONS = {
  placement_ok: { level: 'ok', when: 'These types have nodes to go to.' },
  nothing_placeable: {
    level: 'fail',
    when: 'No node takes pods of any type: every one has a taint that nothing tolerates, or labels that nothing selects.',
    fix: 'Put the JSON of the result into SIMPLEK8S_PIPELINE_TYPE_CONFIGS (with Argo ARGO_PIPELINE_TYPE_CONFIGS), or add nodes without the taint.',
  },
  types_unplaceable: {
    level: 'warn',
    when: 'No node takes pods of these types, others have nodes.',
    fix: 'If runs of these types are used: put the JSON of the result into SIMPLEK8S_PIPELINE_TYPE_CONFIGS (with Argo ARGO_PIPELINE_TYPE_CONFIGS).',
  },
  nodes_missing: {
    level: 'warn',
    when: 'The cluster has no node just now.',
    fix: 'Add one, unless an autoscaler does.',
  },
  nodes_unseen: { level: 'warn', when: 'The right to look is missing.' },
} as const;

type Telling = Say<keyof typeof REASONS>;

/** Nodes against the placement of every pipeline type: taints, labels, size. */
export const placement = defineCheck({
  id: 'placement',
  group: 'kubernetes',
  looksAt: 'taints, labels and sizes of the nodes against the placement of every pipeline type',
  reasons: REASONS,
  run: async (context, say, signal) => {
    const { api, settings } = await clusterOf(context);
    const seen = await lookAround(api, NODES, '', { keep: nodeOf, signal });
    if (!seen.seen) return [say('nodes_unseen', 'The nodes may not be seen.', seen.fix)];
    return judged(settings.pods.scheduling, seen.it, say);
  },
});

interface Judged {
  readonly type: string;
  readonly fit: Fit;
}

/** Pure: what is said of these nodes and placements. */
export function judged(scheduling: SchedulingSettings, nodes: readonly SeenNode[], say: Telling): readonly Result[] {
  if (nodes.length === 0) return [say('nodes_missing', 'The cluster has no node.')];
  const all = placementsOf(scheduling).map(({ type, placement: own }) => ({ type, fit: fitOf(own, nodes) }));
  const stuck = all.filter(({ fit }) => fit.kind !== 'fits');
  const reason = stuck.length === all.length ? 'nothing_placeable' : 'types_unplaceable';
  const json = jsonFor(scheduling, stuck);
  return [
    ...grouped(all.filter(({ fit }) => fit.kind === 'fits')).map(([words, types]) =>
      say('placement_ok', `${types} can go to ${words}.`),
    ),
    ...grouped(stuck).map(([words, types, fit]) =>
      say(reason, `No node takes pods of ${types}: ${words}.`, fixOf(fit, scheduling.variable, json)),
    ),
  ];
}

/** Types of which the same is said, in one line. */
function grouped(all: readonly Judged[]): readonly (readonly [string, string, Fit])[] {
  const groups = new Map<string, { readonly fit: Fit; readonly types: string[] }>();
  for (const { type, fit } of all) {
    const words = wordsOf(fit);
    const group = groups.get(words) ?? { fit, types: [] };
    group.types.push(type);
    groups.set(words, group);
  }
  return [...groups].map(([words, { fit, types }]) => [words, types.join(', '), fit]);
}

const MOST_NAMES = 5;

function wordsOf(fit: Fit): string {
  switch (fit.kind) {
    case 'fits': {
      const more = fit.nodes.length - MOST_NAMES;
      return `${fit.nodes.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
    }
    case 'not_selected':
      return 'none has the labels that their nodeSelector or affinity asks for';
    case 'tainted':
      return `each has a taint they do not tolerate (${fit.taints.join(', ')})`;
    case 'too_large':
      return `each is too small for ${fit.resources.join(' and ')}`;
    case 'cordoned':
      return 'each that would take them is cordoned';
  }
}

/** One value that helps every type which a toleration helps; undefined where it helps none. */
function jsonFor(scheduling: SchedulingSettings, stuck: readonly Judged[]): string | undefined {
  const changed = stuck.flatMap(({ type, fit }) => {
    const best: readonly Taint[] | undefined = fit.kind === 'tainted' ? fit.best : undefined;
    return best === undefined ? [] : [{ type, taints: best }];
  });
  return changed.length === 0 ? undefined : toleratingJson(scheduling, changed);
}

function fixOf(fit: Fit, variable: string, json: string | undefined): string {
  switch (fit.kind) {
    case 'tainted':
      return fit.best === undefined || json === undefined
        ? 'Add a worker node: these taints mean that the nodes are not ready, or belong to the control plane.'
        : `If runs may use the tainted nodes: ${variable}='${json}'. Otherwise add nodes without the taint.`;
    case 'not_selected':
      return `Label nodes for them (kubectl label node), or change nodeSelector and affinity in ${variable}. See kubectl get nodes --show-labels.`;
    case 'too_large':
      return `Lower the requests (INGESTION_CPU_REQUEST, INGESTION_MEMORY_REQUEST, or resources in ${variable}), or add larger nodes.`;
    default:
      return 'kubectl uncordon the nodes, or add others.';
  }
}
