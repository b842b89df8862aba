import { testRunSpec } from '@runner/executor/testing';
import { readScheduling } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CertificateAuthority, ConfigDelivery, PodSettings, PodTemplate } from '../../../src/index.ts';
import {
  CERTIFICATE_AUTHORITY_PATH,
  CERTIFICATE_AUTHORITY_VARIABLES,
  RESERVED_ANNOTATIONS,
  RESERVED_LABELS,
  buildPodTemplate,
} from '../../../src/index.ts';
import { fieldsNotIn, KUBERNETES_1_28 } from './known-fields.ts';
import { restrictedViolations } from './restricted.ts';

const VARIABLE = 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS';
const INLINE: ConfigDelivery = { kind: 'inline', text: '{"a":"b"}' };
const scheduling = (variables: Record<string, string> = {}) =>
  readScheduling({ executor: 'simpleK8s', variables }).settings;
const SETTINGS: PodSettings = {
  image: { image: 'docker.io/team/ingestion:1' },
  serviceAccountName: 'ingestion',
  scheduling: scheduling(),
};
const AUTHORITY: CertificateAuthority = { kind: 'configMap', name: 'company-ca', key: 'ca.crt' };
const spec = testRunSpec({ pipelineType: 'metadata', deadlineSeconds: 7200 });

function build(settings: Partial<PodSettings> = {}, more: Partial<Parameters<typeof buildPodTemplate>[0]> = {}) {
  return buildPodTemplate({
    spec,
    settings: { ...SETTINGS, ...settings },
    workloadName: 'om-job-x',
    namespace: 'runs',
    delivery: INLINE,
    ...more,
  });
}
const main = (template: PodTemplate) => template.spec!.containers[0]!;
const env = (template: PodTemplate) => Object.fromEntries(main(template).env!.map(({ name, value }) => [name, value]));

describe('the pod of a run', () => {
  it('has the command, the environment and the labels that the ingestion image is made for', () => {
    const template = build();
    expect(main(template)).toMatchObject({
      name: 'main',
      image: 'docker.io/team/ingestion:1',
      imagePullPolicy: 'IfNotPresent',
      command: ['python', 'main.py'],
    });
    expect(main(template)).not.toHaveProperty('workingDir');
    expect(env(template)).toEqual({
      config: '{"a":"b"}',
      pipelineType: 'metadata',
      pipelineRunId: spec.runId,
      ingestionPipelineFQN: spec.fqn,
      jobName: 'om-job-x',
      namespace: 'runs',
    });
    expect(template.metadata?.labels).toMatchObject({
      'app.kubernetes.io/name': 'openmetadata',
      'app.kubernetes.io/component': 'ingestion',
      'app.kubernetes.io/pipeline-type': 'metadata',
      'app.kubernetes.io/run-id': spec.runId,
    });
  });

  it.each([
    ['automation', 'automation', ['python', 'run_automation.py']],
    ['application', 'application', ['python', '-m', 'metadata.applications.runner']],
    ['pipeline', 'application', ['python', '-m', 'metadata.applications.runner']],
  ] as const)('of kind %s and type %s runs %j', (kind, pipelineType, command) => {
    expect(main(build({}, { spec: testRunSpec({ kind, pipelineType }) })).command).toEqual(command);
  });

  it('never starts again, stops at its own deadline, and gives little grace', () => {
    expect(build().spec).toMatchObject({
      restartPolicy: 'Never',
      activeDeadlineSeconds: 7200,
      terminationGracePeriodSeconds: 10,
      enableServiceLinks: false,
    });
    expect(build({ graceSeconds: 60 }).spec?.terminationGracePeriodSeconds).toBe(60);
  });

  it.each([
    [0.2, 1],
    [1.5, 2],
    [1e12, 2 ** 31 - 1],
  ])('asks for a deadline that the API takes: %d gives %d', (deadlineSeconds, expected) => {
    expect(build({}, { spec: testRunSpec({ deadlineSeconds }) }).spec?.activeDeadlineSeconds).toBe(expected);
  });

  it('meets the Pod Security standard "restricted"', () => {
    expect(restrictedViolations(build())).toEqual([]);
    expect(restrictedViolations(build({ openShift: true }))).toEqual([]);
  });

  it('runs as user and group 1000, unless OpenShift assigns them', () => {
    expect(build().spec?.securityContext).toMatchObject({ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 });
    for (const field of ['runAsUser', 'runAsGroup', 'fsGroup']) {
      expect(build({ openShift: true }).spec?.securityContext).not.toHaveProperty(field);
    }
  });

  it('keeps its root file system writable: the image writes beside its code', () => {
    expect(main(build()).securityContext?.readOnlyRootFilesystem).toBe(false);
  });

  it.each([
    [undefined, undefined, false],
    ['db', undefined, false],
    ['managed-aws', undefined, false],
    ['kubernetes', undefined, true],
    ['kubernetes', false, false],
    ['managed-aws', true, true],
  ] as const)('with secrets manager %s and the setting %s mounts its token: %s', (provider, asked, expected) => {
    const settings = {
      ...(provider === undefined ? {} : { secretsManager: { provider } }),
      ...(asked === undefined ? {} : { automountServiceAccountToken: asked }),
    };
    expect(build(settings).spec?.automountServiceAccountToken).toBe(expected);
  });

  it('asks for Azure workload identity where secrets come from there', () => {
    const label = 'azure.workload.identity/use';
    expect(build({ secretsManager: { provider: 'managed-azure-kv' } }).metadata?.labels?.[label]).toBe('true');
    expect(build({ secretsManager: { provider: 'managed-aws' } }).metadata?.labels).not.toHaveProperty(label);
  });

  it('carries labels, annotations and pull secrets of the settings', () => {
    const template = build({
      labels: { team: 'data' },
      annotations: { 'karpenter.sh/do-not-disrupt': 'true' },
      image: { image: 'x:1', pullSecrets: ['a', 'b'], pullPolicy: 'Always' },
    });
    expect(template.metadata?.labels?.['team']).toBe('data');
    expect(template.metadata?.annotations).toEqual({ 'karpenter.sh/do-not-disrupt': 'true' });
    expect(template.spec?.imagePullSecrets).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(main(template).imagePullPolicy).toBe('Always');
    expect(build().metadata).not.toHaveProperty('annotations');
  });
});

describe('config', () => {
  it.each([
    ['secret', 'secretKeyRef'],
    ['configMap', 'configMapKeyRef'],
  ] as const)('is referred to when it is delivered as %s, and is not in the pod', (kind, field) => {
    const template = build({}, { delivery: { kind, name: 'om-config-x', key: 'config' } });
    const entries = main(template).env!.filter(({ name }) => name === 'config');
    expect(entries).toEqual([
      { name: 'config', valueFrom: { [field]: { name: 'om-config-x', key: 'config', optional: false } } },
    ]);
  });

  /** What the kubelet makes of a value, written anew after `expansion.Expand` of Kubernetes. */
  const expanded = (value: string, variables: ReadonlyMap<string, string>): string =>
    value.replaceAll(/\$(\$|\(([^)]*)\))/g, (whole: string, rest: string, name: string) =>
      rest === '$' ? '$' : (variables.get(name) ?? whole),
    );

  it('and every other variable arrive as they were written, whatever dollar signs are in them', () => {
    const text = fc
      .array(fc.constantFrom('$', '$$', '$(', '$(namespace)', ')', 'a', '{', '\\'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (config, extra) => {
        const template = build(
          { extraEnvironment: [{ name: 'EXTRA', value: extra }] },
          { delivery: { kind: 'inline', text: config } },
        );
        const values = new Map<string, string>();
        for (const { name, value } of main(template).env!) values.set(name, expanded(value!, values));
        expect(values.get('config')).toBe(config);
        expect(values.get('EXTRA')).toBe(extra);
      }),
    );
  });
});

describe('private certificate authorities', () => {
  const PATH = '/var/run/hybrid-runner/ca/ca.crt';

  it.each([
    ['configMap', { configMap: { name: 'company-ca', items: [{ key: 'bundle.pem', path: 'ca.crt' }] } }],
    ['secret', { secret: { secretName: 'company-ca', items: [{ key: 'bundle.pem', path: 'ca.crt' }] } }],
  ] as const)('of a %s are a file that nobody writes, and of the object no other key', (kind, source) => {
    const template = build({ certificateAuthority: { kind, name: 'company-ca', key: 'bundle.pem' } });
    expect(template.spec?.volumes).toEqual([{ name: 'private-ca', ...source }]);
    expect(main(template).volumeMounts).toEqual([
      { name: 'private-ca', mountPath: '/var/run/hybrid-runner/ca', readOnly: true },
    ]);
    expect(restrictedViolations(template)).toEqual([]);
    expect(CERTIFICATE_AUTHORITY_PATH).toBe(PATH);
  });

  it('are named to every library that looks for them in its own variable', () => {
    const template = build({ certificateAuthority: AUTHORITY });
    const expected = Object.fromEntries(CERTIFICATE_AUTHORITY_VARIABLES.map((name) => [name, PATH]));
    expect(Object.keys(expected)).toEqual(expect.arrayContaining(['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE']));
    expect(env(template)).toEqual({ ...env(build()), ...expected });
  });

  it('leave a variable that the settings give as it is', () => {
    const extraEnvironment = [{ name: 'AWS_CA_BUNDLE', value: '/mine.pem' }];
    const template = build({ certificateAuthority: AUTHORITY, extraEnvironment });
    expect(env(template)).toMatchObject({ AWS_CA_BUNDLE: '/mine.pem', SSL_CERT_FILE: PATH });
    const named = main(template).env!.filter(({ name }) => name === 'AWS_CA_BUNDLE');
    expect(named).toHaveLength(1);
  });

  it('leave a pod alone that has none', () => {
    expect(build().spec).not.toHaveProperty('volumes');
    expect(main(build())).not.toHaveProperty('volumeMounts');
  });
});

describe('placement', () => {
  const variables = {
    [VARIABLE]: JSON.stringify({
      metadata: {
        tolerations: [{ key: 'nodetype', operator: 'Equal', value: 'x', effect: 'NoSchedule' }],
        nodeSelector: { nodetype: 'x' },
        priorityClassName: 'high',
        resources: { limits: { cpu: '2' } },
      },
    }),
    INGESTION_MEMORY_LIMIT: '8Gi',
  };

  it('is that of the pipeline type, and says which setting decided what', () => {
    const explained: Record<string, string> = {};
    const template = build(
      { scheduling: scheduling(variables) },
      { explain: (explanation) => explanation.forEach(({ path, source }) => (explained[path] = source)) },
    );
    expect(template.spec).toMatchObject({
      tolerations: [{ key: 'nodetype', operator: 'Equal', value: 'x', effect: 'NoSchedule' }],
      nodeSelector: { nodetype: 'x' },
      priorityClassName: 'high',
    });
    expect(main(template).resources).toEqual({
      requests: { cpu: '1000m', memory: '4096Mi' },
      limits: { cpu: '2', memory: '8Gi' },
    });
    expect(explained).toMatchObject({
      'tolerations[0]': `${VARIABLE} metadata`,
      'containers[main].resources.limits.cpu': `${VARIABLE} metadata`,
      'containers[main].resources.limits.memory': 'INGESTION_MEMORY_LIMIT',
      'containers[main].resources.requests.cpu': 'built-in',
    });
  });

  it('of another type is not used', () => {
    const template = build({ scheduling: scheduling(variables) }, { spec: testRunSpec({ pipelineType: 'profiler' }) });
    expect(template.spec).not.toHaveProperty('nodeSelector');
  });

  it('of automations has their own amounts', () => {
    const automation = testRunSpec({ kind: 'automation', pipelineType: 'automation' });
    expect(main(build({}, { spec: automation })).resources?.requests).toEqual({ cpu: '200m', memory: '256Mi' });
  });
});

describe('what the contract owns', () => {
  const hostile = fc.constantFrom(
    ...Object.keys(build().metadata!.labels!),
    'job-name',
    'controller-uid',
    'batch.kubernetes.io/job-name',
    'hybrid-ingestion-runner/anything',
    'team',
  );
  const names = fc.constantFrom(
    'config',
    'pipelineType',
    'pipelineRunId',
    'jobName',
    'namespace',
    'TRACEPARENT',
    'OTHER',
  );
  const settings = fc.record({
    labels: fc.dictionary(hostile, fc.constantFrom('evil', 'x')),
    annotations: fc.dictionary(hostile, fc.constantFrom('evil', 'x')),
    extraEnvironment: fc.array(fc.record({ name: names, value: fc.constant('evil') })),
    scheduling: fc
      .constantFrom(
        { metadata: { command: ['sh'], containers: [], restartPolicy: 'Always', securityContext: {} } },
        { metadata: { resources: { limits: { cpu: '1', memory: '5Gi' } }, serviceAccountName: 'admin' } },
        { metadata: { nodeSelector: { __proto__: 'x' } } },
      )
      .map((types) => scheduling({ [VARIABLE]: JSON.stringify(types) })),
  });

  it('no label, annotation, extra variable or placement replaces', () => {
    const plain = build();
    fc.assert(
      fc.property(settings, (more) => {
        const template = build(more);
        expect(template.metadata?.labels).toMatchObject(plain.metadata!.labels!);
        expect(env(template)).toMatchObject(env(plain));
        expect(env(template)).not.toHaveProperty('TRACEPARENT');
        for (const field of ['name', 'image', 'imagePullPolicy', 'command', 'securityContext'] as const) {
          expect(main(template)[field]).toEqual(main(plain)[field]);
        }
        const { containers, nodeSelector, ...rest } = template.spec!;
        expect(containers).toHaveLength(1);
        expect(rest).toEqual({ ...plain.spec, containers: undefined });
        expect(nodeSelector ?? {}).not.toHaveProperty('polluted');
        for (const key of Object.keys(template.metadata?.labels ?? {})) {
          if (!Object.hasOwn(plain.metadata!.labels!, key)) expect(isReserved(key, RESERVED_LABELS)).toBe(false);
        }
        for (const key of Object.keys(template.metadata?.annotations ?? {})) {
          expect(isReserved(key, RESERVED_ANNOTATIONS)).toBe(false);
        }
        const seen = main(template).env!.map(({ name }) => name);
        expect(new Set(seen).size).toBe(seen.length);
      }),
    );
  });

  const isReserved = (key: string, reserved: readonly string[]) =>
    reserved.some((entry) => (entry.endsWith('/') ? key.startsWith(entry) : key === entry));

  it('is not changed in place: the same input gives the same pod', () => {
    const before = structuredClone(SETTINGS);
    expect(build()).toEqual(build());
    expect(SETTINGS).toEqual(before);
  });
});

it('no field is newer than Kubernetes 1.28', () => {
  const everything = build(
    {
      labels: { a: 'b' },
      annotations: { a: 'b' },
      image: { image: 'x:1', pullSecrets: ['a'] },
      certificateAuthority: AUTHORITY,
      scheduling: scheduling({
        [VARIABLE]: JSON.stringify({
          metadata: {
            tolerations: [{ key: 'a', operator: 'Exists' }],
            nodeSelector: { a: 'b' },
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: 'a', labelSelector: { matchLabels: { a: 'b' } }, namespaces: ['x'] },
                ],
              },
            },
            priorityClassName: 'p',
          },
        }),
      }),
    },
    { delivery: { kind: 'secret', name: 'a', key: 'b' } },
  );
  expect(fieldsNotIn(KUBERNETES_1_28, everything)).toEqual([]);
  expect(fieldsNotIn(KUBERNETES_1_28, { spec: { hostUsers: false, resizePolicy: [] } })).toEqual([
    'spec.hostUsers',
    'spec.resizePolicy',
  ]);
});
