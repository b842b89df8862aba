import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import { NAMESPACES, look } from '../looking.ts';

const ENFORCE = 'pod-security.kubernetes.io/enforce';
const OPENSHIFT = 'openshift.io/sa.scc.uid-range';

/** What the namespace asks of pods, against the pods of runs, which pass `restricted`. */
export const podSecurity = defineCheck({
  id: 'pod-security',
  group: 'kubernetes',
  looksAt: 'the Pod Security level of the namespace of the workloads, and whether it is one of OpenShift',
  reasons: {
    pod_security_ok: { level: 'ok', when: 'The pods of runs pass every level there is.' },
    openshift_mode_off: {
      level: 'fail',
      when: 'The namespace is one of OpenShift, and pods ask for a fixed user, which its constraint refuses.',
      fix: 'Set INGESTION_OPENSHIFT_MODE=true.',
    },
    pod_security_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    const { api, namespace, settings } = await clusterOf(context);
    const seen = await look(api, NAMESPACES, '', namespace, { signal });
    if (!seen.seen) return [say('pod_security_unseen', 'The level of the namespace may not be seen.', seen.fix)];
    const { labels = {}, annotations = {} } = seen.it?.metadata ?? {};
    if (annotations[OPENSHIFT] !== undefined && settings.pods.openShift !== true) {
      return [
        say(
          'openshift_mode_off',
          `The namespace ${namespace} is one of OpenShift with users ${annotations[OPENSHIFT]}, and pods of runs ask for user 1000.`,
        ),
      ];
    }
    const level = labels[ENFORCE] ?? 'no level';
    return [say('pod_security_ok', `The namespace ${namespace} asks for ${level}; pods of runs pass restricted.`)];
  },
});
