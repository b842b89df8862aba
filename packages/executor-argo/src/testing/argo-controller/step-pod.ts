import { createHash } from 'node:crypto';
import type { Meta, Pod } from '@runner/kube';
import type { Workflow, WorkflowTemplate } from '../../workflow/objects.ts';

/** A step of a Workflow, and where it stands in its status. */
export interface Step {
  /** Id of the node: the Workflow's name for the entry point. */
  readonly id: string;
  /** Name of the node. */
  readonly node: string;
  readonly pod: string;
  readonly template: WorkflowTemplate;
  readonly isExit: boolean;
}

export function mainStep(workflow: Workflow): Step | undefined {
  const { metadata, spec } = workflow;
  const template = spec?.templates?.find(({ name }) => name === spec.entrypoint);
  const name = metadata?.name ?? '';
  return template === undefined ? undefined : { id: name, node: name, pod: name, template, isExit: false };
}

export function exitStep(workflow: Workflow): Step | undefined {
  const { metadata, spec } = workflow;
  const template = spec?.templates?.find(({ name }) => name === spec.onExit);
  if (template === undefined) return undefined;
  const name = metadata?.name ?? '';
  const hash = createHash('sha256').update(`${name}.onExit`).digest().readUInt32BE(0);
  return {
    id: `${name}-${hash}`,
    node: `${name}.onExit`,
    pod: `${name}-${template.name}-${hash}`,
    template,
    isExit: true,
  };
}

/** The pod of a step. The environment of `main` is not looked at, so it stays as the template has it. */
export function podOfStep(workflow: Workflow, { id, node, pod, template, isExit }: Step): Pod {
  const { name = '', namespace = '', uid = '' } = workflow.metadata ?? {};
  const { container, metadata, activeDeadlineSeconds } = template;
  const owner = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name, uid, controller: true };
  const meta: Meta = {
    name: pod,
    namespace,
    labels: {
      ...metadata?.labels,
      'workflows.argoproj.io/workflow': name,
      'workflows.argoproj.io/completed': 'false',
      ...(isExit ? { 'workflows.argoproj.io/on-exit': 'true' } : {}),
    },
    annotations: {
      ...metadata?.annotations,
      'workflows.argoproj.io/node-id': id,
      'workflows.argoproj.io/node-name': node,
    },
    ownerReferences: [{ ...owner, blockOwnerDeletion: true }],
  };
  const { image = '' } = container ?? {};
  const spec = {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: graceOf(template),
    ...(typeof activeDeadlineSeconds === 'number' ? { activeDeadlineSeconds } : {}),
    containers: [
      { ...container, name: 'main', image },
      { name: 'wait', image: 'quay.io/argoproj/argoexec:v3.7.4' },
    ],
  };
  return { metadata: meta, spec };
}

/** Seconds of grace, which only the patch of the pod can say. */
export function graceOf({ podSpecPatch }: WorkflowTemplate): number {
  const patch: unknown = typeof podSpecPatch === 'string' ? JSON.parse(podSpecPatch) : {};
  const { terminationGracePeriodSeconds } = patch as { readonly terminationGracePeriodSeconds?: unknown };
  return typeof terminationGracePeriodSeconds === 'number' ? terminationGracePeriodSeconds : 30;
}
