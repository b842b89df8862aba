import { RUN_ID_LABEL } from '@runner/executor';
import { probeRun } from '@runner/kube/runs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { POD_TYPE_LABEL } from '../../src/workflow/build-workflow.ts';
import type { ProbeWorkflowInput } from '../../src/workflow/probe-workflow.ts';
import { buildProbeWorkflow } from '../../src/workflow/probe-workflow.ts';
import { argoSubstituted, kubernetesExpanded } from '../support/argo-substitution.ts';
import { hostileText } from '../support/hostile-text.ts';
import { testPods } from '../support/workflow-input.ts';

function probeInput(changes: Partial<ProbeWorkflowInput> = {}): ProbeWorkflowInput {
  const probe = changes.probe ?? { command: ['look'], image: 'example.test/looker:1', timeoutMs: 60_000 };
  return { probe, run: probeRun(probe, '0123abcd'), namespace: 'runs', pods: testPods, argoReads: true, ...changes };
}

const only = <T>([first]: readonly T[] = []): T => {
  if (first === undefined) throw new Error('there is none');
  return first;
};

describe('the Workflow of a probe', () => {
  it('has one step and no exit step, and ends and goes by itself', () => {
    const { spec } = buildProbeWorkflow(probeInput());
    expect(spec?.templates).toHaveLength(1);
    expect(spec).not.toHaveProperty('onExit');
    expect(spec).toMatchObject({
      entrypoint: only(spec?.templates).name,
      serviceAccountName: 'ingestion',
      activeDeadlineSeconds: 90,
      ttlStrategy: { secondsAfterCompletion: 300, secondsAfterSuccess: 300, secondsAfterFailure: 300 },
    });
    expect(only(spec?.templates).activeDeadlineSeconds).toBe(90);
  });

  it('carries nothing by which runs are found, and keeps the labels and annotations that pods are given', () => {
    const pods = {
      ...testPods,
      labels: { 'azure.workload.identity/use': 'true' },
      annotations: { 'sidecar.istio.io/inject': 'false' },
    };
    const workflow = buildProbeWorkflow(probeInput({ pods }));
    const { metadata } = only(workflow.spec?.templates);
    for (const labels of [workflow.metadata?.labels, metadata?.labels]) {
      expect(labels).toMatchObject({ 'hybrid-ingestion-runner/probe': '0123abcd' });
      expect(Object.keys(labels ?? {})).not.toContain(RUN_ID_LABEL);
      expect(Object.keys(labels ?? {})).not.toContain(POD_TYPE_LABEL);
    }
    expect(workflow.metadata).not.toHaveProperty('annotations');
    expect(metadata?.labels).toMatchObject({ 'azure.workload.identity/use': 'true' });
    expect(metadata?.annotations).toEqual({ 'sidecar.istio.io/inject': 'false' });
    expect(JSON.stringify(workflow)).not.toContain('00000000-0000-4000-8000');
  });

  it('has what the override files say, but takes no turn among the runs', () => {
    const overrides = {
      container: { volumeMounts: [{ name: 'ca', mountPath: '/ca' }] },
      workflow: { volumes: [{ name: 'ca', emptyDir: {} }], synchronization: { mutexes: [{ name: 'one' }] } },
    };
    const { spec } = buildProbeWorkflow(probeInput({ overrides }));
    expect(spec).toMatchObject({ volumes: [{ name: 'ca' }] });
    expect(only(spec?.templates).container).toMatchObject({ volumeMounts: [{ name: 'ca' }] });
    expect(spec).not.toHaveProperty('synchronization');
  });

  it('has its answer read by Argo only where it is asked to', () => {
    const outputs = { parameters: [{ name: 'answer', valueFrom: { path: '/dev/termination-log', default: '' } }] };
    expect(only(buildProbeWorkflow(probeInput()).spec?.templates).outputs).toEqual(outputs);
    const seen = buildProbeWorkflow(probeInput({ argoReads: false }));
    expect(only(seen.spec?.templates)).not.toHaveProperty('outputs');
  });

  it('gives its program every word as it was asked for, whatever Argo and Kubernetes would make of it', () => {
    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 1, maxLength: 4 }), (words) => {
        const probe = { command: ['look', ...words] as const, image: 'example.test/looker:1', timeoutMs: 1_000 };
        const { spec } = buildProbeWorkflow(probeInput({ probe }));
        const { container } = argoSubstituted(only(spec?.templates), { 'workflow.name': 'x' });
        const { command = [], env = [] } = container ?? {};
        // Kubernetes reads a command as it reads a variable that stands last.
        const read = command.map((value) => kubernetesExpanded([...env, { name: 'word', value }]).get('word'));
        expect(read).toEqual(['look', ...words]);
      }),
    );
  });

  it('is refused where its image would be a template', () => {
    const probe = { command: ['look'] as const, image: 'example.test/{{workflow.name}}', timeoutMs: 1_000 };
    expect(() => buildProbeWorkflow(probeInput({ probe }))).toThrow(
      expect.objectContaining({ code: 'template_in_value' }),
    );
  });
});
