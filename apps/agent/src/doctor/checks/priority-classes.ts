import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import { PRIORITY_CLASSES, look } from '../looking.ts';
import { placementsOf, together } from '../placements.ts';

/** The priority classes that placements name. */
export const priorityClasses = defineCheck({
  id: 'priority-classes',
  group: 'kubernetes',
  looksAt: 'whether the priority classes that placements name exist',
  reasons: {
    priority_class_ok: { level: 'ok', when: 'They exist, or none is named.' },
    priority_class_missing: {
      level: 'fail',
      when: 'One does not exist: pods that name it are refused.',
      fix: 'Create it, or take priorityClassName out of the placement.',
    },
    priority_class_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    const { api, settings } = await clusterOf(context);
    const { scheduling } = settings.pods;
    const named = [...together(placementsOf(scheduling), ({ placement }) => placement.priorityClassName)].flatMap(
      ([name, types]) => (name === undefined ? [] : [{ name, types: types.join(', ') }]),
    );
    if (named.length === 0) return [say('priority_class_ok', 'No placement names a priority class.')];
    return await Promise.all(
      named.map(async ({ name, types }) => {
        const seen = await look(api, PRIORITY_CLASSES, '', name, { signal });
        if (!seen.seen) return say('priority_class_unseen', `The priority class ${name} may not be seen.`, seen.fix);
        return seen.it === undefined
          ? say(
              'priority_class_missing',
              `The priority class ${name} (of ${types}) does not exist.`,
              `Create it, or take priorityClassName out of ${scheduling.variable}.`,
            )
          : say('priority_class_ok', `The priority class ${name} (of ${types}) exists.`);
      }),
    );
  },
});
