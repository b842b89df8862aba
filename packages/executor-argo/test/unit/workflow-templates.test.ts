import { Buffer } from 'node:buffer';
import { MAX_CONFIG_BYTES, escapeTemplates, serialiseConfig } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Workflow, WorkflowInput } from '../../src/index.ts';
import { TEMPLATES, buildWorkflow } from '../../src/index.ts';
import { argoSubstituted, kubernetesExpanded } from '../support/argo-substitution.ts';
import { hostileText } from '../support/hostile-text.ts';
import { reportingConfig, testPods, workflowInput } from '../support/workflow-input.ts';

const anyText = fc.oneof(hostileText, fc.string({ unit: 'binary', maxLength: 20 }));
const anyJson = fc.jsonValue({ noUnicodeString: false });
const config = fc.record({ text: anyText, deep: fc.dictionary(anyText, anyText), value: anyJson });

const VALUES = { 'workflow.status': 'Failed', 'workflow.name': 'om-job-test', HOME: '/root' };

/** The environment of a step as its program sees it, on Argo and Kubernetes as they are modelled. */
function seen(workflow: Workflow, name: string): ReadonlyMap<string, string> {
  const template = workflow.spec?.templates?.find((each) => each.name === name);
  if (template === undefined) throw new Error(`there is no template ${name}`);
  const { container } = argoSubstituted(template, VALUES);
  return kubernetesExpanded(container?.env ?? []);
}

const built = (changes: Partial<WorkflowInput>): Workflow => buildWorkflow(workflowInput(changes));
const json = (text: string | undefined): unknown => JSON.parse(text ?? 'null');
/** As it is after a way through JSON, where -0 and the like are gone. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('what the control plane says', () => {
  it('reaches both programs value for value, whatever stands in it', () => {
    fc.assert(
      fc.property(config, (more) => {
        const sent = { ...reportingConfig('run-token'), more } as never;
        const spec = testRunSpec({ config: sent, exitToken: 'exit-token' });
        const workflow = built({ spec });

        expect(json(seen(workflow, TEMPLATES.main).get('config'))).toEqual(plain(sent));
        const reported = { ...reportingConfig('exit-token'), more };
        expect(json(seen(workflow, TEMPLATES.exit).get('config'))).toEqual(plain(reported));
      }),
      { numRuns: 150 },
    );
  });

  it('reaches them in every other variable, too', () => {
    const name = anyText.filter((text) => text !== '' && !text.includes('\0'));
    fc.assert(
      fc.property(name, name, (fqn, pipelineType) => {
        fc.pre(pipelineType !== 'application');
        const workflow = built({ spec: testRunSpec({ fqn, pipelineType, name: fqn }) });

        expect(seen(workflow, TEMPLATES.main).get('ingestionPipelineFQN')).toBe(fqn);
        expect(seen(workflow, TEMPLATES.main).get('pipelineType')).toBe(pipelineType);
        expect(seen(workflow, TEMPLATES.exit).get('ingestionPipelineFQN')).toBe(fqn);
        expect(seen(workflow, TEMPLATES.exit).get('pipelineStatus')).toBe('Failed');
      }),
      { numRuns: 150 },
    );
  });

  it('is never taken for the expression of our own', () => {
    const workflow = built({ spec: testRunSpec({ fqn: '{{workflow.status}}', pipelineType: '{{workflow.status}}' }) });
    expect(seen(workflow, TEMPLATES.exit).get('ingestionPipelineFQN')).toBe('{{workflow.status}}');
    expect(seen(workflow, TEMPLATES.main).get('pipelineType')).toBe('{{workflow.status}}');
  });

  it('is the same JSON before and after braces were escaped', () => {
    fc.assert(
      fc.property(fc.oneof(anyJson, config), (value) => {
        const text = JSON.stringify(value);
        expect(escapeTemplates(text)).not.toContain('{{');
        expect(json(escapeTemplates(text))).toEqual(json(text));
      }),
    );
  });
});

describe('a large config', () => {
  /** What the kubelet makes of the patch of a pod: after the variables of the template. */
  function patched(workflow: Workflow, name: string): string | undefined {
    const patch = json(workflow.spec?.['podSpecPatch'] as string) as {
      containers: { env: { name: string; value: string }[] }[];
    };
    // Kubernetes puts a patch's variables first, unless their order is given.
    expect(workflow.spec?.['podSpecPatch']).toContain(
      '"$setElementOrder/env":[{"name":"RUNNER_TOKEN"},{"name":"config"}]',
    );
    const template = workflow.spec?.templates?.find((each) => each.name === name);
    const own = argoSubstituted(template?.container?.env ?? [], VALUES);
    return kubernetesExpanded([...own, ...argoSubstituted(patch.containers[0]?.env ?? [], VALUES)]).get('config');
  }

  it('stands once in the Workflow, outside of the templates, with the token of each step', () => {
    const token = fc.constantFrom('run-token', 'a.b-c_d', 'with "quotes" and $(HOME) {{x}}');
    fc.assert(
      fc.property(token, hostileText, fc.constantFrom('"', '$', '{', 'x', '<'), (runToken, text, filler) => {
        const sent = reportingConfig(runToken, { text: text + filler.repeat(60_000) });
        fc.pre(Buffer.byteLength(escapeTemplates(JSON.stringify(sent))) <= MAX_CONFIG_BYTES);
        const workflow = built({ spec: testRunSpec({ config: sent, exitToken: 'exit-token' }) });
        if (workflow.spec?.['podSpecPatch'] === undefined) return;

        for (const { container } of workflow.spec.templates ?? []) {
          expect(container?.env?.map(({ name }) => name)).not.toContain('config');
        }
        expect(json(patched(workflow, TEMPLATES.main))).toEqual(sent);
        const reported = { ...sent, ...reportingConfig('exit-token', { text: text + filler.repeat(60_000) }) };
        expect(json(patched(workflow, TEMPLATES.exit))).toEqual(reported);
      }),
      { numRuns: 10 },
    );
  });

  it('stands beside what an override file patches', () => {
    const sent = reportingConfig('run-token', { text: 'x'.repeat(125_000) });
    const podSpecPatch = 'hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]\ncontainers:\n- name: wait\n  image: other\n';
    const spec = testRunSpec({ config: sent, exitToken: 'exit-token' });
    const workflow = built({ spec, overrides: { workflow: { podSpecPatch } } });
    expect(json(workflow.spec?.['podSpecPatch'] as string)).toMatchObject({
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['db'] }],
      containers: [{ name: 'wait', image: 'other' }, { name: 'main' }],
    });
    for (const { container } of workflow.spec?.templates ?? []) {
      expect(container?.env?.map(({ name }) => name)).not.toContain('config');
    }
  });

  it('is refused above the limit of an environment string, escapes included', () => {
    const fits = (braces: number) => built({ spec: testRunSpec({ config: { text: '{'.repeat(braces) } }) });
    // Two braces are written with seven characters.
    expect(() => fits(37_000)).not.toThrow();
    expect(() => fits(38_000)).toThrow(expect.objectContaining({ code: 'config_too_large' }));
  });

  it('is refused when Argo could not keep the Workflow', () => {
    const spec = testRunSpec({ config: { text: '<'.repeat(131_000) } });
    const overrides = { workflow: { podMetadata: { annotations: { long: 'x'.repeat(200_000) } } } };
    expect(() => built({ spec, overrides })).toThrow(expect.objectContaining({ code: 'config_too_large' }));
    expect(() => built({ spec })).not.toThrow();
  });

  it('stays where it is when it is small, so that the template tells all', () => {
    const workflow = built({});
    expect(workflow.spec).not.toHaveProperty('podSpecPatch');
    expect(seen(workflow, TEMPLATES.main).get('config')).toBe(
      serialiseConfig({ config: testRunSpec().config }, { escapeTemplates: true }),
    );
  });
});

describe('settings that hold an Argo expression', () => {
  const extraEnvironment = [{ name: 'EXTRA', value: 'a{{workflow.name}}' }];
  it.each<[string, Partial<WorkflowInput>, string]>([
    ['extra variables', { pods: { ...testPods, extraEnvironment } }, 'container.env[EXTRA].value'],
    [
      'our own expression',
      { pods: { ...testPods, extraEnvironment: [{ name: 'E', value: '{{workflow.status}}' }] } },
      '[E]',
    ],
    ['an image', { pods: { ...testPods, image: { image: 'x/{{=1}}' } } }, 'container.image'],
    ['a pull secret', { pods: { ...testPods, image: { image: 'x', pullSecrets: ['{{a'] } } }, 'imagePullSecrets'],
    ['the account', { pods: { ...testPods, serviceAccountName: '{{a}}' } }, 'serviceAccountName'],
    ['a label', { pods: { ...testPods, labels: { team: '{{a}}' } } }, 'metadata.labels.team'],
    ['the key of an annotation', { pods: { ...testPods, annotations: { '{{a': '' } } }, 'metadata.annotations'],
    ['an override file', { overrides: { workflow: { schedulerName: '{{a}}' } } }, 'schedulerName'],
    ['an override of the container', { overrides: { container: { workingDir: '{{a}}' } } }, 'container.workingDir'],
  ])('are refused, and the place is named: %s', (_, changes, place) => {
    expect(() => built(changes)).toThrow(
      expect.objectContaining({ code: 'template_in_value', message: expect.stringContaining(place) as string }),
    );
  });

  it('are refused without their value being told', () => {
    const secret = [{ name: 'EXTRA', value: 'hunter2{{' }];
    expect(() => built({ pods: { ...testPods, extraEnvironment: secret } })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }),
    );
  });
});
