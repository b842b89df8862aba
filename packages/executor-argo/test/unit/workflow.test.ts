import { CONTROL_PLANE_LABEL, RUN_ID_LABEL } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import type { Explanation } from '@runner/scheduling';
import { parsePipelineTypeConfigs } from '@runner/scheduling';
import { describe, expect, it } from 'vitest';
import type { Workflow, WorkflowInput, WorkflowTemplate } from '../../src/index.ts';
import { POD_TYPE_LABEL, TEMPLATES, buildWorkflow } from '../../src/index.ts';
import { reportingConfig, testPods, workflowInput } from '../support/workflow-input.ts';

const RUN_ID = '7c5d1a3e-8f1b-4a53-9d7e-2f1c4b6a9e10';
const built = (changes: Partial<WorkflowInput> = {}): Workflow => buildWorkflow(workflowInput(changes));
const withPods = (pods: Partial<WorkflowInput['pods']>): Workflow => built({ pods: { ...testPods, ...pods } });

function step({ spec }: Workflow, name: string): WorkflowTemplate {
  const template = spec?.templates?.find((each) => each.name === name);
  if (template === undefined) throw new Error(`there is no template ${name}`);
  return template;
}
const main = (workflow: Workflow): WorkflowTemplate => step(workflow, TEMPLATES.main);
const exit = (workflow: Workflow): WorkflowTemplate => step(workflow, TEMPLATES.exit);
const environment = ({ container }: WorkflowTemplate): Record<string, string | undefined> =>
  Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));

interface Patch {
  readonly [field: string]: unknown;
  readonly containers: readonly { readonly name: string; readonly [field: string]: unknown }[];
  readonly initContainers: readonly { readonly name: string; readonly [field: string]: unknown }[];
}
const patchOf = (template: WorkflowTemplate): Patch => JSON.parse(String(template['podSpecPatch'])) as Patch;

describe('the Workflow of a run', () => {
  it('runs the main program once, and then the exit step', () => {
    const workflow = built({ spec: testRunSpec({ runId: RUN_ID }) });

    expect(workflow).toMatchObject({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow' });
    expect(workflow.metadata).toMatchObject({ name: 'om-job-test', namespace: 'runs' });
    expect(workflow.spec).toMatchObject({ entrypoint: TEMPLATES.main, onExit: TEMPLATES.exit, archiveLogs: false });
    expect(main(workflow).container).toMatchObject({ name: 'main', command: ['python', 'main.py'] });
    expect(exit(workflow).container).toMatchObject({ name: 'main', command: ['python', 'exit_handler.py'] });
    expect(JSON.stringify(workflow)).not.toContain('retryStrategy');
  });

  it('carries the labels of the run on itself and on both pods, which say which of the two they are', () => {
    const workflow = built({ spec: testRunSpec({ runId: RUN_ID }) });
    const labels = { [RUN_ID_LABEL]: RUN_ID, [CONTROL_PLANE_LABEL]: '11111111-1111-4111-8111-111111111111' };

    expect(workflow.metadata?.labels).toMatchObject(labels);
    expect(main(workflow).metadata?.labels).toMatchObject({ ...labels, [POD_TYPE_LABEL]: 'main' });
    expect(exit(workflow).metadata?.labels).toMatchObject({ ...labels, [POD_TYPE_LABEL]: 'exit-handler' });
    expect(workflow.metadata?.annotations).toMatchObject({
      'hybrid-ingestion-runner/run-id': RUN_ID,
      'hybrid-ingestion-runner/submission': 'test',
    });
  });

  it('gives the exit step the environment of the stock exit handler, with a token of its own', () => {
    const spec = testRunSpec({ runId: RUN_ID, config: reportingConfig('run-token'), exitToken: 'exit-token' });
    const workflow = built({ spec });

    expect(environment(exit(workflow))).toEqual({
      config: JSON.stringify(reportingConfig('exit-token')),
      pipelineRunId: RUN_ID,
      pipelineStatus: '{{workflow.status}}',
      ingestionPipelineFQN: spec.fqn,
      jobName: 'om-job-test',
      namespace: 'runs',
    });
    expect(environment(main(workflow))['config']).toBe(JSON.stringify(reportingConfig('run-token')));
    expect(JSON.stringify(main(workflow))).not.toContain('exit-token');
    expect(JSON.stringify(exit(workflow))).not.toContain('run-token');
  });

  it('leaves the token of a config alone when the run brings none for the exit step', () => {
    const workflow = built({ spec: testRunSpec({ config: reportingConfig('own-token') }) });
    expect(environment(exit(workflow))['config']).toBe(environment(main(workflow))['config']);
  });

  it.each([
    { kind: 'automation', pipelineType: 'automation' },
    { kind: 'application', pipelineType: 'application' },
    { kind: 'pipeline', pipelineType: 'application' },
  ] as const)('has no exit step where the exit handler would do nothing: $kind of type $pipelineType', (what) => {
    const workflow = built({ spec: testRunSpec(what) });
    expect(workflow.spec).not.toHaveProperty('onExit');
    expect(workflow.spec?.templates?.map(({ name }) => name)).toEqual([TEMPLATES.main]);
  });

  it('bounds each step, and the whole only when no agent is there', () => {
    const workflow = built({
      spec: testRunSpec({ deadlineSeconds: 99.5 }),
      startDeadlineSeconds: 50,
      exitDeadlineSeconds: 20,
    });
    expect(main(workflow)['activeDeadlineSeconds']).toBe(100);
    expect(exit(workflow)['activeDeadlineSeconds']).toBe(20);
    expect(workflow.spec?.['activeDeadlineSeconds']).toBe(750);
  });

  it('keeps the pods as long as the Workflow stays, against all defaults of the controller', () => {
    const { spec } = built({ ttlSeconds: 3_600 });
    expect(spec?.['ttlStrategy']).toEqual({
      secondsAfterCompletion: 3_600,
      secondsAfterSuccess: 3_600,
      secondsAfterFailure: 3_600,
    });
    expect(spec?.['podGC']).toEqual({ strategy: 'OnWorkflowCompletion', deleteDelayDuration: '3600s' });
  });
});

describe('the pods of a Workflow', () => {
  it('stand where the pipeline type says, whose settings are told', () => {
    const placement = {
      tolerations: [{ key: 'team', operator: 'Exists' }],
      nodeSelector: { disk: 'fast' },
      priorityClassName: 'high',
      resources: { requests: { cpu: '2' } },
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    };
    const variable = 'ARGO_PIPELINE_TYPE_CONFIGS';
    const types = parsePipelineTypeConfigs(variable, JSON.stringify({ metadata: placement }));
    let told: readonly Explanation[] = [];
    const workflow = built({
      pods: { ...testPods, scheduling: { ...testPods.scheduling, types } },
      explain: (explanation) => {
        told = explanation;
      },
    });

    const { resources, priorityClassName, tolerations, nodeSelector } = placement;
    expect(workflow.spec).toMatchObject({ tolerations, nodeSelector, podPriorityClassName: priorityClassName });
    expect(main(workflow).container?.resources).toMatchObject(resources);
    expect(exit(workflow).container?.resources?.requests).toEqual({ cpu: '100m', memory: '256Mi' });
    expect(told.map(({ source }) => source)).toContain(`${variable} metadata`);
  });

  it('have account, pull secrets and security context where Argo looks for them, and all else as a patch', () => {
    const workflow = withPods({ image: { image: 'x:1', pullSecrets: ['registry'] }, graceSeconds: 7 });

    expect(workflow.spec).toMatchObject({
      serviceAccountName: 'ingestion',
      imagePullSecrets: [{ name: 'registry' }],
      securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
    });
    for (const template of workflow.spec?.templates ?? []) {
      expect(template.container?.image).toBe('x:1');
      expect(patchOf(template)).toMatchObject({ terminationGracePeriodSeconds: 7, enableServiceLinks: false });
    }
  });

  it('give a token to the containers of Argo alone, unless the workload needs one', () => {
    const without = patchOf(main(built()));
    expect(without['automountServiceAccountToken']).toBe(false);
    expect(without.containers).toMatchObject([{ name: 'wait', volumeMounts: [{ name: 'argo-executor-token' }] }]);
    expect(without.initContainers).toMatchObject([{ name: 'init', volumeMounts: [{ name: 'argo-executor-token' }] }]);

    const withToken = patchOf(main(withPods({ automountServiceAccountToken: true })));
    expect(withToken['automountServiceAccountToken']).toBe(true);
    expect(JSON.stringify(withToken)).not.toContain('argo-executor-token');
  });

  it('are hardened as a whole, Argo’s own containers included', () => {
    const hardened = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
    const workflow = built();
    for (const template of workflow.spec?.templates ?? []) {
      const { containers, initContainers } = patchOf(template);
      for (const container of [template.container, ...containers, ...initContainers]) {
        expect(container?.['securityContext']).toMatchObject(hardened);
      }
    }
  });

  it('leave users and groups to OpenShift', () => {
    const { spec } = withPods({ openShift: true });
    expect(spec?.['securityContext']).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  });

  it('carry the label of Azure workload identity with its secrets managers', () => {
    const workflow = withPods({ secretsManager: { provider: 'managed-azure-kv' } });
    for (const template of workflow.spec?.templates ?? []) {
      expect(template.metadata?.labels).toMatchObject({ 'azure.workload.identity/use': 'true' });
    }
  });
});
