import { otherVariableProblem, parsePipelineTypeConfigs } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const VARIABLE = 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS';
const toleration = {
  key: 'nodetype',
  operator: 'Equal',
  value: 'openmetadata-hybrid-runner',
  effect: 'NoSchedule',
};
const nodeAffinity = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'nodetype', operator: 'In', values: ['openmetadata-hybrid-runner'] }] },
    ],
  },
};
const read = (value: unknown) => parsePipelineTypeConfigs(VARIABLE, JSON.stringify(value));
const found = (value: unknown): readonly string[] => read(value).problems.map((p) => `${p.level} ${p.path} ${p.code}`);

describe('the examples that users were promised', () => {
  it('reads the one for Argo Workflows as it stands', () => {
    const { placements, problems } = parsePipelineTypeConfigs(
      'ARGO_PIPELINE_TYPE_CONFIGS',
      JSON.stringify({
        automation: { tolerations: [toleration], affinity: { nodeAffinity } },
        metadata: { tolerations: [toleration] },
        profiler: { tolerations: [toleration] },
        lineage: { tolerations: [toleration] },
      }),
    );
    expect(problems).toEqual([]);
    expect([...placements.keys()]).toEqual(['automation', 'metadata', 'profiler', 'lineage']);
    expect(placements.get('automation')).toEqual({ tolerations: [toleration], affinity: { nodeAffinity } });
  });

  it('reads the one for simple Kubernetes as it stands', () => {
    const nodeSelector = { nodetype: 'openmetadata-hybrid-runner' };
    const { placements, problems } = read({ automation: { tolerations: [toleration], nodeSelector } });
    expect(problems).toEqual([]);
    expect(placements.get('automation')).toEqual({ tolerations: [toleration], nodeSelector });
  });

  it('reads the priority class of the chart’s comment', () => {
    expect(read({ automation: { priorityClassName: 'high-priority' } }).placements.get('automation')).toEqual({
      priorityClassName: 'high-priority',
    });
  });
});

describe('absent and empty configurations', () => {
  it.each([undefined, '', '  \n', '{}'])('%j places nothing and is no problem', (text) => {
    expect(parsePipelineTypeConfigs(VARIABLE, text)).toEqual({ placements: new Map(), problems: [] });
  });
});

describe('what is wrong is said with its place', () => {
  const bad: readonly [title: string, value: unknown, problem: string][] = [
    [
      'an operator that does not exist',
      { metadata: { tolerations: [{ key: 'a', operator: 'Equals' }] } },
      'error metadata.tolerations[0].operator unknown_value',
    ],
    [
      'an effect that does not exist',
      { metadata: { tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoRun' }] } },
      'error metadata.tolerations[0].effect unknown_value',
    ],
    [
      'a toleration without a key that does not say Exists',
      { metadata: { tolerations: [{ effect: 'NoSchedule' }] } },
      'error metadata.tolerations[0].operator key_missing',
    ],
    [
      'a value beside Exists',
      { metadata: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
      'error metadata.tolerations[0].value value_not_allowed',
    ],
    [
      'seconds without NoExecute',
      { metadata: { tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 3 }] } },
      'error metadata.tolerations[0].tolerationSeconds effect_missing',
    ],
    [
      'a taint key with a blank',
      { metadata: { tolerations: [{ key: 'a b', operator: 'Exists' }] } },
      'error metadata.tolerations[0].key invalid_key',
    ],
    [
      'tolerations that are no list',
      { metadata: { tolerations: toleration } },
      'error metadata.tolerations wrong_type',
    ],
    [
      'In without values',
      {
        metadata: {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }],
              },
            },
          },
        },
      },
      'error metadata.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values values_missing',
    ],
    [
      'no node selector term',
      {
        metadata: {
          affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
        },
      },
      'error metadata.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms values_missing',
    ],
    [
      'a weight of 0',
      {
        metadata: {
          affinity: {
            podAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 0, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname' } },
              ],
            },
          },
        },
      },
      'error metadata.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight wrong_type',
    ],
    [
      'Gt with a word',
      {
        metadata: {
          affinity: {
            nodeAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['many'] }] } },
              ],
            },
          },
        },
      },
      'error metadata.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values invalid_value',
    ],
    [
      'Gt on pod labels',
      {
        metadata: {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                {
                  topologyKey: 'a',
                  labelSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] },
                },
              ],
            },
          },
        },
      },
      'error metadata.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].operator unknown_value',
    ],
    [
      'a label value that is a number',
      { metadata: { nodeSelector: { disk: 5 } } },
      'error metadata.nodeSelector.disk wrong_type',
    ],
    [
      'a label value of 64 letters',
      { metadata: { nodeSelector: { disk: 'a'.repeat(64) } } },
      'error metadata.nodeSelector.disk invalid_value',
    ],
    [
      'an amount that is none',
      { metadata: { resources: { limits: { memory: '4 GB' } } } },
      'error metadata.resources.limits.memory invalid_quantity',
    ],
    [
      'a negative amount',
      { metadata: { resources: { limits: { cpu: '-1' } } } },
      'error metadata.resources.limits.cpu invalid_quantity',
    ],
    [
      'a request above its limit',
      { metadata: { resources: { requests: { cpu: '2' }, limits: { cpu: '1500m' } } } },
      'error metadata.resources.requests.cpu request_above_limit',
    ],
    [
      'a resource that does not exist',
      { metadata: { resources: { limits: { ram: '1Gi' } } } },
      'error metadata.resources.limits.ram unknown_resource',
    ],
    [
      'a priority class with capitals',
      { metadata: { priorityClassName: 'High' } },
      'error metadata.priorityClassName invalid_name',
    ],
    ['an entry that is a text', { metadata: 'fast' }, 'error metadata wrong_type'],
  ];
  it.each(bad)('%s', (_title, value, problem) => {
    expect(found(value)).toEqual([problem]);
  });

  it('reports every problem at once', () => {
    expect(
      found({
        metadata: { tolerations: [{ key: 'a', operator: 'Equals' }], nodeSelector: { disk: 5 } },
        profiler: { resources: { limits: { cpu: 'lots' } } },
      }),
    ).toHaveLength(3);
  });

  it('names unknown types and fields with the nearest known one, as warnings', () => {
    const { problems, placements } = read({ metdata: {}, metadata: { toleration: [] } });
    expect(problems.map((p) => [p.level, p.path, p.fix])).toEqual([
      ['warning', 'metdata', 'Did you mean "metadata"?'],
      ['warning', 'metadata.toleration', 'Did you mean "tolerations"?'],
    ]);
    expect([...placements.keys()]).toEqual(['metadata']);
  });

  it('says where a text stops being JSON, without repeating it', () => {
    const [problem] = parsePipelineTypeConfigs(VARIABLE, '{\n  "metadata": {,}\n}').problems;
    expect(problem?.code).toBe('invalid_json');
    expect(problem?.message).toContain('line 2, column 16');
    expect(parsePipelineTypeConfigs(VARIABLE, '{"metadata": {').problems[0]?.code).toBe('invalid_json');
    expect(parsePipelineTypeConfigs(VARIABLE, '[]').problems[0]?.code).toBe('wrong_type');
  });
});

describe('robustness', () => {
  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parsePipelineTypeConfigs(VARIABLE, text)));
  });

  it('never throws, whatever stands below a known type', () => {
    const field = fc.constantFrom('tolerations', 'affinity', 'nodeSelector', 'priorityClassName', 'resources');
    fc.assert(
      fc.property(field, fc.jsonValue(), (name, value) => {
        const { problems } = read({ metadata: { [name]: value } });
        for (const problem of problems) expect(problem.path.startsWith('metadata')).toBe(true);
      }),
    );
  });

  it('takes the types in any order', () => {
    const entries = Object.entries({
      automation: { nodeSelector: { a: '1' } },
      metadata: { tolerations: [toleration] },
      profiler: { resources: { limits: { cpu: '2' } } },
      lineage: { priorityClassName: 'low' },
    });
    fc.assert(
      fc.property(fc.shuffledSubarray(entries, { minLength: 4, maxLength: 4 }), (shuffled) => {
        const placements = read(Object.fromEntries(shuffled)).placements;
        for (const [type, entry] of entries) expect(placements.get(type)).toEqual(entry);
      }),
    );
  });
});

describe('the variable of the other executor', () => {
  it('is named as having no effect, in both directions', () => {
    expect(otherVariableProblem('ARGO_PIPELINE_TYPE_CONFIGS', '{"metadata":{}}')).toMatchObject({
      level: 'warning',
      source: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
    });
    expect(otherVariableProblem('SIMPLEK8S_PIPELINE_TYPE_CONFIGS', '{"metadata":{}}')?.source).toBe(
      'ARGO_PIPELINE_TYPE_CONFIGS',
    );
  });
  it.each([undefined, '', ' ', '{}'])('is no matter when it holds %j', (text) => {
    expect(otherVariableProblem('ARGO_PIPELINE_TYPE_CONFIGS', text)).toBeUndefined();
  });
});
