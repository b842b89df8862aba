import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import { NAMESPACES, look } from '../looking.ts';

/** The namespaces of the workloads and of the runner itself. */
export const namespaces = defineCheck({
  id: 'namespaces',
  group: 'kubernetes',
  looksAt: 'whether the namespaces of the runner and of its workloads exist',
  reasons: {
    namespace_ok: { level: 'ok', when: 'It exists.' },
    namespace_missing: {
      level: 'fail',
      when: 'It does not exist.',
      fix: 'Create it, or name another one in INGESTION_NAMESPACE.',
    },
    namespace_terminating: {
      level: 'fail',
      when: 'It is being deleted: nothing can be created in it.',
      fix: 'Wait until it is gone and create it again, or name another one in INGESTION_NAMESPACE.',
    },
    namespace_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    const { api, namespace, ownNamespace } = await clusterOf(context);
    return await Promise.all(
      [...new Set([namespace, ownNamespace])].map(async (name) => {
        const seen = await look(api, NAMESPACES, '', name, { signal });
        if (!seen.seen)
          return say('namespace_unseen', `Whether the namespace ${name} exists may not be seen.`, seen.fix);
        if (seen.it === undefined) {
          return say(
            'namespace_missing',
            `The namespace ${name} does not exist.`,
            `kubectl create namespace ${name}, or name another one in INGESTION_NAMESPACE.`,
          );
        }
        const isGoing = seen.it.status?.phase === 'Terminating';
        return isGoing
          ? say('namespace_terminating', `The namespace ${name} is being deleted.`)
          : say('namespace_ok', `The namespace ${name} exists.`);
      }),
    );
  },
});
