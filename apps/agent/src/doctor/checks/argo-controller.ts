import { defineCheck } from '../check.ts';
import { clusterOf } from '../context.ts';
import { DEPLOYMENTS, lookAround } from '../looking.ts';
import type { Deployment } from '../looking.ts';

/** Argo's own label; the release manifests name the Deployment `workflow-controller` and set no such label. */
const COMPONENT = 'app.kubernetes.io/component';
const CONTROLLER = 'workflow-controller';

/** Who makes pods of Workflows. */
export const argoController = defineCheck({
  id: 'argo-controller',
  group: 'argo',
  looksAt: 'whether a workflow-controller runs in the cluster',
  reasons: {
    argo_controller_ok: { level: 'ok', when: 'A Deployment of it has a ready replica.' },
    argo_controller_unused: { level: 'skipped', when: 'The executor is not argo.' },
    argo_controller_not_ready: {
      level: 'fail',
      when: 'Its Deployment has no ready replica: Workflows stay as they are.',
      fix: 'kubectl describe the Deployment and look at the log of its pod.',
    },
    argo_controller_other_not_ready: {
      level: 'warn',
      when: 'Another Deployment of it has no ready replica, beside one that has.',
      fix: 'If it is the one that looks after this namespace, Workflows stay as they are: kubectl describe it.',
    },
    argo_controller_unknown: {
      level: 'warn',
      when: 'No Deployment of it is seen. It may run in another way, or outside the cluster.',
      fix: 'If Workflows stay without a phase, install the controller, and see that it looks after this namespace.',
    },
    argo_controller_unseen: { level: 'warn', when: 'The right to look is missing.' },
  },
  run: async (context, say, signal) => {
    if (context.config.executor.type !== 'argo') return [say('argo_controller_unused', 'The executor is not argo.')];
    const { api } = await clusterOf(context);
    const seen = await lookAround(api, DEPLOYMENTS, '', { keep: essence, signal });
    if (!seen.seen) return [say('argo_controller_unseen', 'Whether a controller runs may not be seen.', seen.fix)];
    const controllers = seen.it.filter(
      ({ metadata }) => metadata?.labels?.[COMPONENT] === CONTROLLER || (metadata?.name ?? '').endsWith(CONTROLLER),
    );
    if (controllers.length === 0)
      return [say('argo_controller_unknown', 'No Deployment of a workflow-controller is seen.')];
    const isReady = ({ status }: Deployment): boolean => (status?.readyReplicas ?? 0) > 0;
    // Which of several looks after this namespace is not known.
    const reason = controllers.some(isReady) ? 'argo_controller_other_not_ready' : 'argo_controller_not_ready';
    return controllers.map((controller) => {
      const { metadata } = controller;
      const name = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
      return isReady(controller)
        ? say('argo_controller_ok', `The controller ${name} is ready.`)
        : say(reason, `The controller ${name} has no ready replica.`);
    });
  },
});

/** A large cluster has thousands of them. */
const essence = ({ metadata = {}, status = {} }: Deployment): Deployment => {
  const { namespace = '', name = '', labels = {} } = metadata;
  return { metadata: { namespace, name, labels }, status: { readyReplicas: status.readyReplicas ?? 0 } };
};
