import { parsePipelineTypeConfigs } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { satisfiable } from '../../src/satisfiable.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const TERMS = `metadata.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;
const found = (metadata: unknown) =>
  parsePipelineTypeConfigs('SIMPLEK8S_PIPELINE_TYPE_CONFIGS', JSON.stringify({ metadata })).problems.map(
    ({ level, path, code }) => `${level} ${path} ${code}`,
  );
const nodes = (...terms: unknown[]) => ({ nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: terms } } });
const zone = (operator: string, ...values: string[]) => ({
  matchExpressions: [{ key: 'zone', operator, ...(values.length === 0 ? {} : { values }) }],
});

describe('settings that cannot hold together', () => {
  it.each([
    [
      'a node selector that every node term excludes',
      { nodeSelector: { zone: 'a' }, affinity: nodes(zone('In', 'b'), zone('DoesNotExist')) },
      [`error ${TERMS} contradiction`],
    ],
    [
      'conditions of the only term that exclude each other',
      {
        affinity: nodes({
          matchExpressions: [...zone('In', 'a').matchExpressions, ...zone('NotIn', 'a').matchExpressions],
        }),
      },
      [`error ${TERMS}[0] contradiction`],
    ],
    ['a term without conditions, which matches nothing', { affinity: nodes({}) }, [`error ${TERMS}[0] contradiction`]],
    [
      'pods that are both wanted and forbidden nearby',
      {
        affinity: {
          podAffinity: { [REQUIRED]: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'x' } } }] },
          podAntiAffinity: { [REQUIRED]: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'x' } } }] },
        },
      },
      [`error metadata.affinity.podAntiAffinity.${REQUIRED}[0] contradiction`],
    ],
    [
      'a device that is asked for without the same limit',
      { resources: { requests: { 'nvidia.com/gpu': '1' } } },
      ['error metadata.resources.requests.nvidia.com/gpu request_not_limit'],
    ],
    [
      'memory without a unit',
      { resources: { limits: { memory: 512 } } },
      ['error metadata.resources.limits.memory amount_too_small'],
    ],
    [
      'memory in thousandths of a byte',
      { resources: { limits: { memory: '512m' } } },
      ['error metadata.resources.limits.memory amount_too_small'],
    ],
    [
      'processors without the m',
      { resources: { limits: { cpu: '500' } } },
      ['warning metadata.resources.limits.cpu amount_too_large'],
    ],
  ])('%s', (_title, metadata, problems) => {
    expect(found(metadata)).toEqual(problems);
  });

  it('are all told at once', () => {
    expect(
      found({
        nodeSelector: { zone: 'a' },
        affinity: {
          ...nodes(zone('In', 'b')),
          podAffinity: { [REQUIRED]: [{ topologyKey: 'z' }] },
          podAntiAffinity: { [REQUIRED]: [{ topologyKey: 'z' }] },
        },
      }),
    ).toHaveLength(2);
  });

  it('are a warning as long as another term is left', () => {
    expect(found({ affinity: nodes({}, zone('In', 'b')) })).toEqual([`warning ${TERMS}[0] contradiction`]);
  });

  it('are not looked for where something is wrong by itself', () => {
    expect(found({ nodeSelector: { zone: 5 }, affinity: nodes({}) })).toEqual([
      'error metadata.nodeSelector.zone wrong_type',
    ]);
  });

  it.each([
    [{ nodeSelector: { zone: 'a' }, affinity: nodes(zone('In', 'b'), zone('In', 'a')) }],
    [{ nodeSelector: { zone: 'a' }, affinity: nodes(zone('Exists')) }],
    [
      {
        nodeSelector: { cores: '8' },
        affinity: nodes({ matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['4'] }] }),
      },
    ],
    [{ affinity: nodes({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }) }],
    [{ resources: { requests: { 'nvidia.com/gpu': '1' }, limits: { 'nvidia.com/gpu': '1' } } }],
    [{ resources: { limits: { 'nvidia.com/gpu': '1', memory: '0' } } }],
  ])('%j is fine', (metadata) => {
    expect(found(metadata)).toEqual([]);
  });
});

describe('conditions on labels', () => {
  type Labels = Readonly<Record<string, string>>;
  interface Condition {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }
  const holds = ({ key, operator, values = [] }: Condition, labels: Labels): boolean => {
    const value = labels[key];
    const number = value !== undefined && /^-?\d+$/.test(value) ? Number(value) : undefined;
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      case 'DoesNotExist':
        return value === undefined;
      case 'Gt':
        return number !== undefined && number > Number(values[0]);
      default:
        return number !== undefined && number < Number(values[0]);
    }
  };
  // `other` stands for every value that no condition names; the numbers cover all bounds below.
  const VALUES = [undefined, 'a', 'b', 'other', '-1', '0', '1', '2', '3', '4', '5'];
  const every: readonly Labels[] = VALUES.flatMap((k) =>
    VALUES.map((l) => ({ ...(k === undefined ? {} : { k }), ...(l === undefined ? {} : { l }) })),
  );
  const value = fc.constantFrom('a', 'b', '1', '2', '3');
  const bound = fc.constantFrom('0', '1', '2', '3', '4');
  const key = fc.constantFrom('k', 'l');
  const condition: fc.Arbitrary<Condition> = fc.oneof(
    fc.record({
      key,
      operator: fc.constantFrom('In', 'NotIn'),
      values: fc.array(value, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
    fc.record({ key, operator: fc.constantFrom('Gt', 'Lt'), values: bound.map((one) => [one]) }),
  );

  it('can hold together exactly when some labels satisfy all of them', () => {
    fc.assert(
      fc.property(fc.array(condition, { maxLength: 6 }), (conditions) => {
        const some = every.some((labels) => conditions.every((one) => holds(one, labels)));
        expect(satisfiable(conditions)).toBe(some);
      }),
      { numRuns: 500 },
    );
  });
});
