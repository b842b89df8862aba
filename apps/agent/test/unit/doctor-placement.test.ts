import fc from 'fast-check';
import { parsePipelineTypeConfigs, readScheduling } from '@runner/scheduling';
import { describe, expect, it } from 'vitest';
import { fitOf, toleratingJson } from '../../src/doctor/node-fit.ts';
import type { SeenNode } from '../../src/doctor/node-fit.ts';
import { judged, placement } from '../../src/doctor/checks/placement.ts';
import { exceeding, rest } from '../../src/doctor/placements.ts';

const node = (name: string, more: Partial<SeenNode> = {}): SeenNode => ({
  ...{ name, labels: {}, taints: [], cordoned: false, allocatable: { cpu: '8', memory: '16Gi' } },
  ...more,
});
const taint = (key: string, effect = 'NoSchedule') => ({ key, value: 'yes', effect });
const schedulingOf = (json: string) =>
  readScheduling({ executor: 'simpleK8s', variables: { SIMPLEK8S_PIPELINE_TYPE_CONFIGS: json } }).settings;
const say = (reason: string, message: string, fix?: string) => ({
  level: placement.reasons[reason]?.level ?? 'skipped',
  ...{ reason, message },
  ...(fix === undefined ? {} : { fix }),
});

describe('whether the pods of a placement have a node', () => {
  it.each([
    ['an open node', {}, [node('a'), node('b', { taints: [taint('x')] })], { kind: 'fits', nodes: ['a'] }],
    [
      'a toleration',
      { tolerations: [{ key: 'x', operator: 'Exists' }] },
      [node('a', { taints: [taint('x')] })],
      { kind: 'fits', nodes: ['a'] },
    ],
    [
      'a taint that only prefers',
      {},
      [node('a', { taints: [taint('x', 'PreferNoSchedule')] })],
      { kind: 'fits', nodes: ['a'] },
    ],
    ['a label that no node has', { nodeSelector: { pool: 'x' } }, [node('a')], { kind: 'not_selected' }],
    ['nodes that are cordoned', {}, [node('a', { cordoned: true })], { kind: 'cordoned' }],
    [
      'a request that is larger than every node',
      { resources: { requests: { memory: '17Gi', cpu: '1' } } },
      [node('a')],
      { kind: 'too_large', resources: ['17Gi of memory'] },
    ],
    [
      'a node of the control plane alone',
      {},
      [node('a', { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] })],
      { kind: 'tainted', taints: ['node-role.kubernetes.io/control-plane:NoSchedule'], best: undefined },
    ],
    [
      'the node with the fewest taints, of those it may use',
      {},
      [node('a', { taints: [taint('x'), taint('y')] }), node('b', { taints: [taint('z')] })],
      { kind: 'tainted', taints: ['x=yes:NoSchedule', 'y=yes:NoSchedule', 'z=yes:NoSchedule'], best: [taint('z')] },
    ],
  ])('%s', (_, own, nodes, fit) => {
    expect(fitOf(own as Parameters<typeof fitOf>[0], nodes)).toEqual(fit);
  });

  it('is so once the value that is proposed is set, whatever the taints are', () => {
    const word = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
    const anyTaint = fc.record({ key: word, value: word, effect: fc.constantFrom('NoSchedule', 'NoExecute') });
    fc.assert(
      fc.property(
        fc.array(fc.array(anyTaint, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
        (all) => {
          const nodes = all.map((taints, index) => node(`n${index}`, { taints }));
          const before = schedulingOf('{"metadata":{"nodeSelector":{}},"profiler":{"priorityClassName":"low"}}');
          const fit = fitOf(before.types.placements.get('metadata') ?? {}, nodes);
          if (fit.kind !== 'tainted' || fit.best === undefined) throw new Error('every node is tainted');
          const json = toleratingJson(before, [{ type: 'metadata', taints: fit.best }]);
          const { placements, problems } = parsePipelineTypeConfigs('SIMPLEK8S_PIPELINE_TYPE_CONFIGS', json);
          expect(problems).toEqual([]);
          expect(fitOf(placements.get('metadata') ?? {}, nodes).kind).toBe('fits');
          expect(placements.get('profiler')).toEqual({ priorityClassName: 'low' });
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('what is said of placements', () => {
  it('is a warning while other types have nodes, with one value for all types that it helps', () => {
    const scheduling = schedulingOf('{"metadata":{"tolerations":[{"key":"x","operator":"Exists"}]}}');
    const results = judged(scheduling, [node('a', { taints: [taint('x')] })], say);
    expect(results.map(({ level, reason }) => `${level} ${reason}`)).toEqual([
      'ok placement_ok',
      'warn types_unplaceable',
    ]);
    const json = /='(.+)'\. Otherwise/.exec(results[1]?.fix ?? '')?.[1] ?? '';
    const value = JSON.parse(json) as Record<string, unknown>;
    expect(Object.keys(value)).toContain('profiler');
    expect(value['metadata']).toEqual({ tolerations: [{ key: 'x', operator: 'Exists' }] });
  });

  it('is a failure when no type has a node, and a warning when there is no node at all', () => {
    const scheduling = schedulingOf('');
    const [first] = judged(scheduling, [node('a', { taints: [taint('x')] })], say);
    expect(first).toMatchObject({ level: 'fail', reason: 'nothing_placeable' });
    expect(judged(scheduling, [], say)).toMatchObject([{ level: 'warn', reason: 'nodes_missing' }]);
  });

  it('never proposes to tolerate what says that a node is not fit', () => {
    const sick = node('a', { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }] });
    const [first] = judged(schedulingOf(''), [sick], say);
    expect(first?.fix).not.toContain('SIMPLEK8S');
  });
});

describe('amounts', () => {
  it.each([
    ['4Gi', '1Gi', '3Gi', true],
    ['4Gi', '1Gi', '3073Mi', false],
    ['2', '1500m', '500m', true],
    ['2', '1500m', '501m', false],
    ['1', '3', '1m', false],
  ])('of %s, %s are used: whether %s is left', (hard, used, wanted, fits) => {
    expect(exceeding({ it: wanted }, { it: rest(hard, used) }).length === 0).toBe(fits);
  });

  it('that nobody limits are not exceeded', () => {
    expect(exceeding({ cpu: '1000' }, {})).toEqual([]);
  });
});
