import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import type { ClusterSight } from '../context.ts';
import { QUOTAS, lookAround } from '../looking.ts';
import type { Quota } from '../looking.ts';
import { exceeding, placementsOf, rest } from '../placements.ts';
import type { TypePlacement } from '../placements.ts';

/** Whether one more run of each kind fits into the ResourceQuotas of the namespace. */
export const quota = defineCheck({
  id: 'quota',
  group: 'kubernetes',
  looksAt: 'the ResourceQuotas of the namespace against one run of each pipeline type',
  reasons: {
    quota_ok: { level: 'ok', when: 'One more run of every type fits, or there is no quota.' },
    quota_too_small: {
      level: 'fail',
      when: 'A run asks for more than the whole quota: it can never start.',
      fix: 'Raise the quota, or lower the resources of the runs (INGESTION_MEMORY_LIMIT and its like).',
    },
    quota_used_up: {
      level: 'warn',
      when: 'What is left of the quota is not enough for one more run: it waits.',
      fix: 'Raise the quota, lower the resources of the runs or MAX_CONCURRENT_RUNS.',
    },
    quota_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    const sight = await clusterOf(context);
    const seen = await lookAround(sight.api, QUOTAS, sight.namespace, { signal });
    if (!seen.seen) return [say('quota_unseen', 'The quotas of the namespace may not be seen.', seen.fix)];
    const all = placementsOf(sight.settings.pods.scheduling);
    const results = seen.it.filter(isForAll).flatMap((one) => {
      const name = one.metadata?.name ?? '';
      const { hard = {} } = one.status ?? {};
      return [
        ...told(all, sight, hard).map((words) => say('quota_too_small', `The quota ${name} is too small: ${words}.`)),
        ...told(all, sight, leftOf(one), hard).map((words) =>
          say('quota_used_up', `The quota ${name} is used up: ${words}.`),
        ),
      ];
    });
    if (results.length > 0) return results;
    const names = seen.it.map(({ metadata }) => metadata?.name ?? '').join(', ');
    return [say('quota_ok', names === '' ? 'There is no quota.' : `One more run of every type fits into ${names}.`)];
  },
});

/** One with scopes counts other pods too, or only some: the cluster says at the create what it thinks. */
const isForAll = ({ spec }: Quota): boolean => (spec?.scopes ?? []).length === 0 && spec?.scopeSelector === undefined;

function leftOf({ status }: Quota): Readonly<Record<string, string>> {
  const { hard = {}, used = {} } = status ?? {};
  return Object.fromEntries(Object.entries(hard).map(([name, most]) => [name, rest(most, used[name] ?? '0')]));
}

/** What one run takes of a quota, under the names quotas use. */
export function needs({ placement }: TypePlacement, workload: 'jobs.batch' | 'workflows.argoproj.io') {
  const { requests = {}, limits = {} } = placement.resources ?? {};
  const named = (prefix: string, amounts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [`${prefix}.${name}`, amount]));
  return {
    ...named('requests', requests),
    ...named('limits', limits),
    ...requests,
    pods: '1',
    'count/pods': '1',
    [`count/${workload}`]: '1',
  };
}

/** @param except what is more than this is told already */
function told(
  all: readonly TypePlacement[],
  { settings }: ClusterSight,
  there: Readonly<Record<string, string>>,
  except?: Readonly<Record<string, string>>,
): readonly string[] {
  const workload = settings.type === 'argo' ? 'workflows.argoproj.io' : 'jobs.batch';
  const lines = new Map<string, string[]>();
  for (const one of all) {
    const wanted: Readonly<Record<string, string>> = needs(one, workload);
    const known = except === undefined ? [] : exceeding(wanted, except);
    for (const name of exceeding(wanted, there).filter((each) => !known.includes(each))) {
      const line = `a run takes ${wanted[name] ?? ''} of ${name}`;
      lines.set(line, [...(lines.get(line) ?? []), one.type]);
    }
  }
  return [...lines].map(([line, types]) => `${line} (${types.join(', ')})`);
}
