import { readFileSync } from 'node:fs';
import { PIPELINE_TYPES, applyPlacement, describeProblem, placementFor, readScheduling } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const SIMPLE = 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS';
const ARGO = 'ARGO_PIPELINE_TYPE_CONFIGS';
const read = (variables: Record<string, string>, executor: 'simpleK8s' | 'argo' = 'simpleK8s') =>
  readScheduling({ executor, variables });
const codes = (variables: Record<string, string>, executor: 'simpleK8s' | 'argo' = 'simpleK8s') =>
  read(variables, executor).problems.map(({ level, source, code }) => `${level} ${source} ${code}`);
const example = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');

describe('the examples that users were promised, to the letter', () => {
  const all = { simpleK8s: example('simple-kubernetes.json'), argo: example('argo-workflows.json') };
  const toleration = { key: 'nodetype', operator: 'Equal', value: 'openmetadata-hybrid-runner', effect: 'NoSchedule' };

  it('place the pods of simple Kubernetes', () => {
    const { settings, problems } = read({ [SIMPLE]: all.simpleK8s });
    expect(problems.map(({ code }) => code)).toEqual(['type_without_entry']);
    const pod = { containers: [{ name: 'main' }] };
    expect(applyPlacement(pod, 'main', placementFor('automation', settings)).pod).toMatchObject({
      tolerations: [toleration],
      nodeSelector: { nodetype: 'openmetadata-hybrid-runner' },
    });
    expect(applyPlacement(pod, 'main', placementFor('metadata', settings)).pod).not.toHaveProperty('tolerations');
  });

  it('place the pods of Argo Workflows', () => {
    const { settings, problems } = read({ [ARGO]: all.argo }, 'argo');
    expect(problems.map(({ code }) => code)).toEqual(['type_without_entry']);
    for (const type of ['automation', 'metadata', 'profiler', 'lineage']) {
      expect(placementFor(type, settings).placement.tolerations).toEqual([toleration]);
    }
    expect(placementFor('automation', settings).placement.affinity?.nodeAffinity).toBeDefined();
  });

  it('have no effect with the other executor, which is one warning', () => {
    expect(codes({ [ARGO]: all.argo })).toEqual([`warning ${ARGO} other_executor`]);
    expect(codes({ [SIMPLE]: all.simpleK8s }, 'argo')).toEqual([`warning ${SIMPLE} other_executor`]);
  });
});

describe('the whole configuration', () => {
  it('may be empty, and empty texts mean unset', () => {
    expect(codes({})).toEqual([]);
    const empty = read({
      [SIMPLE]: '',
      [ARGO]: '',
      INGESTION_CPU_LIMIT: '',
      INGESTION_POD_LABELS: '',
      INGESTION_IMAGE_PULL_SECRETS: '',
      ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: '',
    });
    expect(empty).toEqual(read({}));
  });

  it('is read at once', () => {
    const { settings, podLabels, podAnnotations, imagePullSecrets, problems } = read({
      [SIMPLE]: JSON.stringify(Object.fromEntries(PIPELINE_TYPES.map((type) => [type, { priorityClassName: 'p' }]))),
      INGESTION_MEMORY_LIMIT: '8Gi',
      INGESTION_AUTOMATION_WORKFLOW_CPU_LIMIT: '1',
      INGESTION_POD_LABELS: 'team=data',
      INGESTION_POD_ANNOTATIONS: '{"note": "x"}',
      INGESTION_IMAGE_PULL_SECRETS: 'a,b',
      HOME: '/root',
    });
    expect(problems).toEqual([]);
    expect(podLabels).toEqual({ team: 'data' });
    expect(podAnnotations).toEqual({ note: 'x' });
    expect(imagePullSecrets).toEqual(['a', 'b']);
    expect(placementFor('metadata', settings).placement.resources?.limits).toEqual({ cpu: '1000m', memory: '8Gi' });
    expect(placementFor('automation', settings).placement.resources?.limits?.['cpu']).toBe('1');
  });

  it('tells everything that is wrong at once, with level, code, place, message and fix', () => {
    const { problems } = read({
      [SIMPLE]: '{"metadata": {"priorityClassName": "Hi"}, "metdata": {}}',
      INGESTION_CPU_LIMIT: 'many',
      INGESTION_POD_LABELS: 'a b=c',
      INGESTION_IMAGE_PULL_SECRETS: 'My_Secret',
      [ARGO]: '{"metadata": {}}',
    });
    expect(problems.map(({ code }) => code)).toEqual([
      'invalid_name',
      'unknown_pipeline_type',
      'invalid_quantity',
      'invalid_key',
      'invalid_name',
      'other_executor',
      'type_without_entry',
    ]);
    for (const problem of problems) {
      expect(problem.message).toMatch(/\.$/);
      expect(problem.fix).toMatch(/[.?"]|kubectl/);
      expect(describeProblem(problem)).toContain(problem.source);
    }
  });

  it('names the variable when a request exceeds a limit that is built in, once', () => {
    expect(codes({ INGESTION_CPU_REQUEST: '2', [SIMPLE]: '{"metadata": {}}' })).toEqual([
      'error INGESTION_CPU_REQUEST request_above_limit',
      `warning ${SIMPLE} type_without_entry`,
    ]);
  });

  it('names the entry when its limit is below a request from elsewhere', () => {
    const { problems } = read({ [SIMPLE]: '{"profiler": {"resources": {"limits": {"memory": "1Gi"}}}}' });
    expect(problems[0]).toMatchObject({ code: 'request_above_limit', path: 'profiler.resources.requests.memory' });
  });
});

describe('override files', () => {
  const files = {
    ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: '/custom-config/container-params.yaml',
    ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH: '/custom-config/workflow-params.yaml',
  };
  it('have no effect under Jobs, which is one warning however many there are', () => {
    expect(codes(files)).toEqual(['warning ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH override_file_unused']);
    expect(read(files).problems[0]?.message).toContain('ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH');
  });
  it('are the business of whoever opens them under Argo Workflows', () => {
    expect(codes(files, 'argo')).toEqual([]);
  });
});

describe('a placement that is applied to a pod', () => {
  const pod = {
    containers: [{ name: 'main', image: 'x', resources: { requests: { cpu: '1' } } }, { name: 'side' }],
    tolerations: [{ key: 'own', operator: 'Exists' }],
    restartPolicy: 'Never',
  };
  const types = {
    metadata: {
      tolerations: [
        { key: 'own', operator: 'Exists' },
        { key: 'b', operator: 'Exists' },
      ],
      nodeSelector: { disk: 'ssd' },
      resources: { limits: { cpu: '2' } },
    },
    profiler: { nodeSelector: { disk: 'hdd' }, priorityClassName: 'low' },
  };
  const resolved = (type: string, value: object = types) =>
    placementFor(type, read({ [SIMPLE]: JSON.stringify(value) }).settings);

  it('is merged: maps by key, tolerations without duplicates, resources only on the named container', () => {
    const { pod: placed, explanation } = applyPlacement(pod, 'main', resolved('metadata'));
    expect(placed).toEqual({
      containers: [
        {
          name: 'main',
          image: 'x',
          resources: {
            requests: { cpu: '1000m', memory: '4096Mi' },
            limits: { cpu: '2', memory: '4096Mi' },
          },
        },
        { name: 'side' },
      ],
      tolerations: [
        { key: 'own', operator: 'Exists' },
        { key: 'b', operator: 'Exists' },
      ],
      nodeSelector: { disk: 'ssd' },
      restartPolicy: 'Never',
    });
    expect(explanation.map(({ path }) => path)).toContain('containers[main].resources.limits.cpu');
    expect(explanation.find(({ path }) => path === 'nodeSelector.disk')?.source).toBe(`${SIMPLE} metadata`);
  });

  it('changes neither the pod nor the settings', () => {
    const before = structuredClone(pod);
    applyPlacement(pod, 'main', resolved('metadata'));
    expect(pod).toEqual(before);
  });

  const entry = fc.record(
    {
      nodeSelector: fc.dictionary(fc.constantFrom('disk', 'zone'), fc.constantFrom('a', 'b'), {
        noNullPrototype: true,
      }),
      tolerations: fc.array(fc.record({ key: fc.constantFrom('t', 'u'), operator: fc.constant('Exists') })),
      priorityClassName: fc.constantFrom('high', 'low'),
      resources: fc.record({ limits: fc.record({ cpu: fc.constantFrom('2', '3') }) }),
    },
    { requiredKeys: [] },
  );
  const all = fc.dictionary(fc.constantFrom(...PIPELINE_TYPES), entry, { noNullPrototype: true });

  it('is the same when it is applied again', () => {
    fc.assert(
      fc.property(all, fc.constantFrom(...PIPELINE_TYPES), (value, type) => {
        const placement = resolved(type, value);
        const once = applyPlacement(pod, 'main', placement).pod;
        expect(applyPlacement(once, 'main', placement).pod).toEqual(once);
      }),
    );
  });

  it('does not depend on the order of the types, nor on any other type', () => {
    fc.assert(
      fc.property(all, fc.constantFrom(...PIPELINE_TYPES), (value, type) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        const alone = Object.fromEntries(Object.entries(value).filter(([name]) => name === type));
        const placed = applyPlacement(pod, 'main', resolved(type, value));
        expect(applyPlacement(pod, 'main', resolved(type, reversed))).toEqual(placed);
        expect(applyPlacement(pod, 'main', resolved(type, alone))).toEqual(placed);
      }),
    );
  });

  it('explains every field that it decides', () => {
    fc.assert(
      fc.property(all, fc.constantFrom(...PIPELINE_TYPES), (value, type) => {
        const { placement, explanation } = resolved(type, value);
        const told = explanation.map(({ path }) => path.replace(/\[\d+\]$/, ''));
        const fields = Object.entries({ ...placement } as Record<string, unknown>)
          .filter(([, content]) => typeof content !== 'object' || Object.keys(content ?? {}).length > 0)
          .map(([field]) => field);
        for (const field of fields)
          expect(told.some((path) => path === field || path.startsWith(`${field}.`))).toBe(true);
      }),
    );
  });
});
