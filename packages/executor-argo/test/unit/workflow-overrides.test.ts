import { RESERVED_VARIABLES } from '@runner/executor';
import type { Probe } from '@runner/executor';
import { probeRun } from '@runner/kube/runs';
import { describeProblem } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Workflow, WorkflowOverrides } from '../../src/index.ts';
import { TEMPLATES, buildWorkflow, readWorkflowOverrides } from '../../src/index.ts';
import { buildProbeWorkflow } from '../../src/workflow/probe-workflow.ts';
import { testPods, workflowInput } from '../support/workflow-input.ts';

const CONTAINER = 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH';
const WORKFLOW = 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH';
const container = (text: string) => readWorkflowOverrides({ container: { source: CONTAINER, text } });
const workflow = (text: string) => readWorkflowOverrides({ workflow: { source: WORKFLOW, text } });
const built = (overrides: WorkflowOverrides): Workflow => buildWorkflow(workflowInput({ overrides }));
const templateOf = (of: Workflow, name: string) => of.spec?.templates?.find((each) => each.name === name);

describe('override files', () => {
  it('are merged into container and Workflow', () => {
    const read = readWorkflowOverrides({
      container: { source: CONTAINER, text: 'workingDir: /work\nresources:\n  limits: { memory: 8Gi }\n' },
      workflow: { source: WORKFLOW, text: 'tolerations:\n  - { key: team, operator: Exists }\nschedulerName: ours\n' },
    });
    expect(read.problems).toEqual([]);
    const { spec } = built(read.overrides);
    expect(spec).toMatchObject({ schedulerName: 'ours', tolerations: [{ key: 'team', operator: 'Exists' }] });
    expect(templateOf({ spec: spec ?? {} }, TEMPLATES.main)?.container).toMatchObject({
      workingDir: '/work',
      resources: { limits: { memory: '8Gi' } },
    });
  });

  it('say nothing when they are empty or not there', () => {
    expect(readWorkflowOverrides({})).toEqual({ overrides: {}, problems: [] });
    expect(container('# later\n')).toEqual({ overrides: {}, problems: [] });
  });

  it.each<[string, () => ReturnType<typeof container>, string, number]>([
    ['text that is not YAML', () => container('a: 1\nb: [\n'), 'invalid_yaml', 3],
    ['the command', () => container('workingDir: /x\ncommand: [sh]\n'), 'owned_field', 2],
    ['a variable of the contract', () => container('env:\n- name: A\n  value: x\n- name: config\n'), 'owned_field', 4],
    [
      'a request above its limit',
      () => container('resources:\n  limits: {cpu: 1}\n  requests:\n    cpu: 2\n'),
      'request_above_limit',
      4,
    ],
    ['an amount that is none', () => container('resources:\n  limits:\n    cpu: many\n'), 'invalid_quantity', 3],
    ['the entry point', () => workflow('# ours\nentrypoint: other\n'), 'owned_field', 2],
    ['the exit step', () => workflow('priority: 1\nonExit: x\n'), 'owned_field', 2],
    [
      'an Argo expression',
      () => workflow('priority: 1\nnodeSelector:\n  disk: "{{workflow.name}}"\n'),
      'template_in_value',
      3,
    ],
    [
      'a patch of main',
      () => workflow('podSpecPatch: |\n  containers:\n  - name: main\n    image: x\n'),
      'owned_field',
      1,
    ],
    ['a patch that is no text', () => workflow('podSpecPatch:\n  hostNetwork: true\n'), 'wrong_type', 1],
  ])('are refused as a whole, with the line: %s', (_, read, code, line) => {
    const { overrides, problems } = read();
    expect(overrides).toEqual({});
    expect(problems[0]).toMatchObject({ level: 'error', code });
    expect(describeProblem(problems[0]!)).toMatch(new RegExp(`line ${line}\\b`));
    expect(describeProblem(problems[0]!)).toMatch(/^ARGO_INGESTION_/);
  });

  it('are used with a warning when a field is not known, which may be a slip', () => {
    const { overrides, problems } = workflow('priority: 1\ntoleration: []\n');
    expect(overrides.workflow).toEqual({ priority: 1, toleration: [] });
    expect(problems).toMatchObject([{ level: 'warning', code: 'unknown_field', fix: 'Did you mean "tolerations"?' }]);
    expect(problems[0]?.message).toContain('line 2');
  });

  it('can patch pods, and then have the last word about what is no list', () => {
    const read = workflow('podSpecPatch: |\n  terminationGracePeriodSeconds: 90\n');
    expect(read.problems).toEqual([]);
    const { spec } = built(read.overrides);
    expect(spec?.['podSpecPatch']).toContain('90');
    for (const template of spec?.templates ?? []) {
      const ours = JSON.parse(String(template['podSpecPatch'])) as object;
      expect(ours).not.toHaveProperty('terminationGracePeriodSeconds');
      expect(ours).toHaveProperty('containers');
    }
  });

  it('never tell a value', () => {
    const { problems } = container('env:\n- name: A\n  value: hunter2{{x}}\n');
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});

describe('precedence', () => {
  const keys = fc.constantFrom('a', 'b', 'c');
  const map = fc.dictionary(keys, fc.constantFrom('1', '2'));
  const toleration = fc.record({ key: keys, operator: fc.constant('Exists') });
  const lists = fc.array(toleration, { maxLength: 3 });

  it('is the file’s over every setting: maps by key, tolerations appended without duplicates, lists as a whole', () => {
    fc.assert(
      fc.property(map, map, lists, lists, fc.array(keys, { minLength: 1 }), (own, file, mine, theirs, hosts) => {
        const placements = new Map([['metadata', { nodeSelector: own, tolerations: mine }]]);
        const scheduling = { ...testPods.scheduling, types: { placements, problems: [] } };
        const imagePullSecrets = hosts.map((name) => ({ name }));
        const { spec } = buildWorkflow(
          workflowInput({
            pods: { ...testPods, scheduling, image: { image: 'x', pullSecrets: ['ours'] } },
            overrides: { workflow: { nodeSelector: file, tolerations: theirs, imagePullSecrets } },
          }),
        );
        expect(spec?.['nodeSelector'] ?? {}).toEqual({ ...own, ...file });
        const all = [...mine, ...theirs];
        const first = all.filter((each, at) => all.findIndex(({ key }) => key === each.key) === at);
        expect(spec?.['tolerations'] ?? []).toEqual(first);
        expect(spec?.['imagePullSecrets']).toEqual(imagePullSecrets);
      }),
    );
  });

  it('is the contract’s over every file', () => {
    const owned = ['name', 'command', 'args'];
    const env = fc.array(fc.record({ name: fc.constantFrom(...RESERVED_VARIABLES), value: fc.string() }));
    fc.assert(
      fc.property(fc.subarray(owned), env, (fields, variables) => {
        const file = { ...Object.fromEntries(fields.map((field) => [field, ['theirs']])), env: variables };
        const plain = built({});
        const changed = built({
          container: file,
          workflow: { entrypoint: 'x', onExit: 'x', templates: [], podGC: {} },
        });
        expect(changed.spec).toEqual({ ...plain.spec, templates: changed.spec?.templates });
        for (const name of [TEMPLATES.main, TEMPLATES.exit]) {
          const variableOf = (of: Workflow) =>
            templateOf(of, name)?.container?.env?.filter((each) => each.name !== 'pipelineRunId');
          expect(variableOf(changed)?.map((each) => each.name)).toEqual(variableOf(plain)?.map((each) => each.name));
          expect(templateOf(changed, name)?.container?.command).toEqual(templateOf(plain, name)?.container?.command);
          expect(templateOf(changed, name)?.container).not.toHaveProperty('args');
        }
      }),
    );
  });

  it('is the file’s over extra variables, by name', () => {
    const extraEnvironment = [
      { name: 'A', value: 'setting' },
      { name: 'B', value: 'setting' },
    ];
    const file = { env: [{ name: 'A', value: 'file' }] };
    const pods = { ...testPods, extraEnvironment };
    const env = templateOf(buildWorkflow(workflowInput({ pods, overrides: { container: file } })), TEMPLATES.main)
      ?.container?.env;
    expect(env?.filter(({ name }) => name === 'A' || name === 'B')).toEqual([
      { name: 'B', value: 'setting' },
      { name: 'A', value: 'file' },
    ]);
  });

  it('never leaves a request above its limit', () => {
    const placements = new Map([['metadata', { resources: { limits: { cpu: '1' } } }]]);
    const pods = { ...testPods, scheduling: { ...testPods.scheduling, types: { placements, problems: [] } } };
    const overrides = { container: { resources: { requests: { cpu: '2' } } } };
    expect(() => buildWorkflow(workflowInput({ pods, overrides }))).toThrow(
      expect.objectContaining({ code: 'invalid_spec', message: expect.stringContaining('cpu') as string }),
    );
  });

  it('gives the exit step what main has of the file, but for its resources', () => {
    const changed = built({
      container: { volumeMounts: [{ name: 'ca', mountPath: '/ca' }], resources: { limits: { cpu: '9' } } },
    });
    const exit = templateOf(changed, TEMPLATES.exit)?.container;
    expect(exit?.volumeMounts).toEqual([{ name: 'ca', mountPath: '/ca' }]);
    expect(exit?.resources?.limits).toEqual({ cpu: '500m', memory: '512Mi' });
  });
});

describe('private certificate authorities', () => {
  const pods = { ...testPods, certificateAuthority: { kind: 'configMap', name: 'company-ca', key: 'ca.crt' } } as const;
  const own = { name: 'private-ca', configMap: { name: 'company-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } };
  const mount = { name: 'private-ca', mountPath: '/var/run/hybrid-runner/ca', readOnly: true };

  it('are a volume of the Workflow, mounted in both of its steps', () => {
    const workflow = buildWorkflow(workflowInput({ pods }));
    expect(workflow.spec?.['volumes']).toEqual([own]);
    for (const name of [TEMPLATES.main, TEMPLATES.exit]) {
      const step = templateOf(workflow, name);
      expect(step?.container?.volumeMounts).toEqual([mount]);
      expect(step?.container?.env).toContainEqual({
        name: 'REQUESTS_CA_BUNDLE',
        value: '/var/run/hybrid-runner/ca/ca.crt',
      });
      const patch = JSON.parse(String(step?.['podSpecPatch'])) as { volumes?: readonly { name: string }[] };
      expect(patch.volumes?.map((volume) => volume.name)).toEqual(['argo-executor-token']);
    }
  });

  it('reach probes as they reach runs', () => {
    const probe: Probe = { command: ['look'], image: 'example.test/looker:1', timeoutMs: 60_000 };
    const { spec } = buildProbeWorkflow({
      ...{ probe, run: probeRun(probe, '0123abcd'), namespace: 'runs', pods, argoReads: true },
    });
    expect(spec?.['volumes']).toEqual([own]);
    expect(spec?.templates?.[0]?.container?.volumeMounts).toEqual([mount]);
    expect(spec?.templates?.[0]?.container?.env?.map(({ name }) => name)).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('stay beside volumes and mounts of the files, whose word counts for one name or path', () => {
    const theirs = { name: 'drivers', emptyDir: {} };
    const overrides = {
      workflow: { volumes: [theirs] },
      container: { volumeMounts: [{ name: 'drivers', mountPath: '/drivers' }] },
    };
    const beside = buildWorkflow(workflowInput({ pods, overrides }));
    expect(beside.spec?.['volumes']).toEqual([own, theirs]);
    expect(templateOf(beside, TEMPLATES.main)?.container?.volumeMounts).toEqual([
      mount,
      ...overrides.container.volumeMounts,
    ]);
    const instead = { name: 'private-ca', secret: { secretName: 'mine' } };
    const replaced = buildWorkflow(workflowInput({ pods, overrides: { workflow: { volumes: [instead] } } }));
    expect(replaced.spec?.['volumes']).toEqual([instead]);
  });
});
