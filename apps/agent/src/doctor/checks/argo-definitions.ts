import { isRunnerError } from '@runner/core';
import { AGENT_LABEL } from '@runner/executor';
import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import { DEFINITIONS, look } from '../looking.ts';

const NAME = 'workflows.argoproj.io';

/** The custom resource definitions of Argo; without the right to see them, whether Workflows can be listed. */
export const argoDefinitions = defineCheck({
  id: 'argo-definitions',
  group: 'argo',
  looksAt: 'whether the cluster has the kind Workflow',
  reasons: {
    argo_definitions_ok: { level: 'ok', when: 'It has.' },
    argo_definitions_unused: { level: 'skipped', when: 'The executor is not argo.' },
    argo_definitions_missing: {
      level: 'fail',
      when: 'It has not.',
      fix: 'Install Argo Workflows with its custom resource definitions, or set EXECUTOR_TYPE to simpleK8s.',
    },
    argo_definitions_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    if (context.config.executor.type !== 'argo') return [say('argo_definitions_unused', 'The executor is not argo.')];
    const { api, workloadApi, namespace } = await clusterOf(context);
    const seen = await look(api, DEFINITIONS, '', NAME, { signal });
    if (seen.seen) {
      return seen.it === undefined
        ? [say('argo_definitions_missing', `The cluster has no ${NAME}.`)]
        : [say('argo_definitions_ok', `The cluster has ${NAME}.`)];
    }
    try {
      const { WORKFLOWS } = await import('@runner/executor-argo');
      const labelSelector = `${AGENT_LABEL}=none-of-any-runner`;
      await workloadApi.list(WORKFLOWS, namespace, { labelSelector, signal });
      return [say('argo_definitions_ok', 'Workflows can be listed.')];
    } catch (error) {
      if (isRunnerError(error, 'kube_not_found'))
        return [say('argo_definitions_missing', `The cluster has no ${NAME}.`)];
      if (isRunnerError(error, 'kube_forbidden')) {
        return [say('argo_definitions_unseen', `Whether the cluster has ${NAME} may not be seen.`, seen.fix)];
      }
      throw error;
    }
  },
});
