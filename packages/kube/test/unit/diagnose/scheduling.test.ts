import { describe, expect, it } from 'vitest';
import type { Evidence, NodeTaints } from '../../../src/index.ts';
import { diagnose } from '../../../src/index.ts';
import { parseSchedulerMessage } from '../../../src/diagnose/scheduler-message.ts';
import { CONTEXT } from './recorded.ts';

type Spec = NonNullable<NonNullable<Evidence['pod']>['spec']>;

function waiting(message: string, more: { spec?: Partial<Spec>; nodes?: readonly NodeTaints[] } = {}): Evidence {
  return {
    context: CONTEXT,
    pod: {
      spec: {
        containers: [{ name: 'main', resources: { requests: { cpu: '1000m', memory: '4096Mi' } } }],
        ...more.spec,
      },
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
      },
    },
    ...(more.nodes === undefined ? {} : { nodes: more.nodes }),
  };
}

/** The JSON that a hint prints. */
function snippet(hint: string | undefined): unknown {
  const json = /\{.*\}(?=[ ,])/.exec(hint ?? '')?.[0];
  return JSON.parse(json ?? 'null');
}

describe('messages of the scheduler', () => {
  it('are taken apart, without what it tried afterwards', () => {
    expect(
      parseSchedulerMessage(
        '0/6 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 1 node(s) were unschedulable, ' +
          '2 Insufficient cpu, 3 Insufficient memory. preemption: 0/6 nodes are available: 6 Preemption is not helpful.',
      ),
    ).toEqual({
      nodes: 6,
      reasons: [
        { nodes: 1, obstacle: { kind: 'taint', taint: { key: 'dedicated', value: 'gpu' } } },
        { nodes: 1, obstacle: { kind: 'cordoned' } },
        { nodes: 2, obstacle: { kind: 'resource', resource: 'cpu' } },
        { nodes: 3, obstacle: { kind: 'resource', resource: 'memory' } },
      ],
    });
  });

  it.each([
    ["1 node(s) didn't match Pod's node affinity/selector", 'node_affinity'],
    ["1 node(s) didn't match scheduler-enforced node affinity", 'node_affinity'],
    ["1 node(s) didn't match pod affinity rules", 'pod_affinity'],
    ["1 node(s) didn't match pod anti-affinity rules", 'pod_affinity'],
    ["1 node(s) didn't satisfy existing pods anti-affinity rules", 'pod_affinity'],
    ["1 node(s) didn't match pod topology spread constraints", 'spread'],
    ["1 node(s) didn't match pod topology spread constraints (missing required label)", 'spread'],
    ['1 node(s) had volume node affinity conflict', 'volume'],
    ["1 node(s) didn't match PersistentVolume's node affinity", 'volume'],
    ["1 node(s) didn't find available persistent volumes to bind", 'volume'],
    ['1 node(s) exceed max volume count', 'volume'],
    ['pod has unbound immediate PersistentVolumeClaims', 'volume'],
    ['1 Too many pods', 'too_many_pods'],
    ['1 Insufficient nvidia.com/gpu', 'resource'],
    ['1 node(s) were unschedulable', 'cordoned'],
    ["1 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate", 'taint'],
    ['1 node(s) had untolerated taint(s)', 'taint'],
    ["1 node(s) didn't have free ports for the requested pod ports", 'other'],
  ])('know "%s"', (reason, kind) => {
    expect(parseSchedulerMessage(`0/1 nodes are available: ${reason}.`).reasons[0]?.obstacle.kind).toBe(kind);
  });

  it.each(['', '0/x nodes', 'binding rejected: timeout', '0/1 nodes are available: '])(
    'may be anything: "%s"',
    (text) => {
      expect(diagnose(waiting(text))).toMatchObject({ category: 'scheduling', permanent: false });
    },
  );

  it('say it when there is no node at all', () => {
    expect(diagnose(waiting('no nodes available to schedule pods'))).toMatchObject({ code: 'no_nodes' });
  });
});

describe('an untolerated taint', () => {
  const named = '0/2 nodes are available: 2 node(s) had untolerated taint {nodetype: openmetadata-hybrid-runner}.';

  it('is named, with the JSON to put into the variable of this executor, for this pipeline type', () => {
    const diagnosis = diagnose(waiting(named));
    expect(diagnosis).toMatchObject({ code: 'untolerated_taint', permanent: false });
    expect(diagnosis?.message).toContain('nodetype=openmetadata-hybrid-runner');
    expect(diagnosis?.hint).toContain('SIMPLEK8S_PIPELINE_TYPE_CONFIGS');
    expect(snippet(diagnosis?.hint)).toEqual({
      metadata: { tolerations: [{ key: 'nodetype', operator: 'Equal', value: 'openmetadata-hybrid-runner' }] },
    });
  });

  it('is named after the nodes where the scheduler is silent about it and nodes may be listed', () => {
    const nodes: readonly NodeTaints[] = [
      { name: 'a', taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
      {
        name: 'b',
        taints: [
          { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' },
          { key: 'soft', effect: 'PreferNoSchedule' },
        ],
      },
    ];
    const diagnosis = diagnose(waiting('0/2 nodes are available: 2 node(s) had untolerated taint(s).', { nodes }));
    expect(diagnosis?.message).toContain('dedicated=gpu:NoSchedule');
    expect(snippet(diagnosis?.hint)).toEqual({
      metadata: { tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' }] },
    });
  });

  it('says how to look it up where nobody names it', () => {
    const diagnosis = diagnose(waiting('0/2 nodes are available: 2 node(s) had untolerated taint(s).'));
    expect(diagnosis?.hint).toContain('kubectl get nodes -o=custom-columns=NAME:.metadata.name,TAINTS:.spec.taints');
    expect(snippet(diagnosis?.hint)).toHaveProperty('metadata.tolerations');
  });

  it('that the pod tolerates is not told again', () => {
    const nodes: readonly NodeTaints[] = [
      { name: 'a', taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }] },
      { name: 'b', taints: [{ key: 'team', value: 'x', effect: 'NoExecute' }] },
    ];
    const spec = { tolerations: [{ key: 'dedicated', operator: 'Exists' }] };
    const diagnosis = diagnose(
      waiting('0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).', { spec, nodes }),
    );
    expect(diagnosis?.message).toContain('team=x:NoExecute');
    expect(diagnosis?.message).not.toContain('dedicated');
  });

  describe('of nodes whose labels are known', () => {
    const silent = '0/2 nodes are available: 2 node(s) had untolerated taint(s).';
    const payments: NodeTaints = {
      name: 'a',
      labels: { pool: 'payments', cores: '4' },
      taints: [{ key: 'dedicated', value: 'payments', effect: 'NoSchedule' }],
    };
    const runs: NodeTaints = {
      name: 'b',
      labels: { pool: 'runs', cores: '16' },
      taints: [
        { key: 'team', value: 'data', effect: 'NoSchedule' },
        { key: 'dedicated', value: 'runs', effect: 'NoSchedule' },
      ],
    };
    const requiring = (...terms: readonly Readonly<Record<string, unknown>>[]): Partial<Spec> => {
      const required = { nodeSelectorTerms: terms };
      return {
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
      };
    };
    const expression = (key: string, operator: string, ...values: string[]) => ({
      matchExpressions: [{ key, operator, values }],
    });
    const named = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] };

    it.each<[string, Partial<Spec>]>([
      ['a node selector', { nodeSelector: { pool: 'runs' } }],
      ['In', requiring(expression('pool', 'In', 'runs', 'other'))],
      ['NotIn', requiring(expression('pool', 'NotIn', 'payments'))],
      ['Gt', requiring(expression('cores', 'Gt', '8'))],
      ['the name of the node', requiring(named)],
      ['one of two terms', requiring({}, expression('pool', 'Exists'), named)],
    ])('is offered for toleration only where the pod may go: %s', (title, spec) => {
      const nodes = title === 'one of two terms' ? [{ ...payments, labels: {} }, runs] : [payments, runs];
      const diagnosis = diagnose(waiting(silent, { spec, nodes }));
      expect(diagnosis?.code).toBe('untolerated_taint');
      expect(diagnosis?.hint).toContain('"team"');
      expect(JSON.stringify(diagnosis)).not.toContain('payments');
    });

    it.each<[string, Partial<Spec>]>([
      ['a node selector', { nodeSelector: { pool: 'nosuch' } }],
      ['DoesNotExist', requiring(expression('pool', 'DoesNotExist'))],
      ['Lt', requiring(expression('cores', 'Lt', '4'))],
      ['a label that no node has', requiring(expression('zone', 'Exists'))],
      ['terms without a condition', requiring({})],
    ])('is not the cause when the pod may go to none of them: %s', (_title, spec) => {
      for (const message of [silent, silent.replace('taint(s)', 'taint {dedicated: payments}')]) {
        const diagnosis = diagnose(waiting(message, { spec, nodes: [payments, runs] }));
        expect(diagnosis).toMatchObject({ code: 'no_matching_node', permanent: false });
        expect(diagnosis?.message).toContain('do not match the node selector');
        expect(diagnosis?.hint).not.toContain('tolerations');
      }
    });

    it('of another pool does not stand before nodes of the right one that are full', () => {
      const diagnosis = diagnose(
        waiting('0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {dedicated: payments}.', {
          spec: { nodeSelector: { pool: 'runs' } },
          nodes: [payments, { ...runs, taints: [] }],
        }),
      );
      expect(diagnosis?.code).toBe('insufficient_cpu');
      expect(diagnosis?.hint).not.toContain('tolerations');
    });

    it('is offered as the scheduler names it while no node is known to have it', () => {
      const message = '0/2 nodes are available: 2 node(s) had untolerated taint {fresh: yes}.';
      const diagnosis = diagnose(waiting(message, { spec: { nodeSelector: { pool: 'x' } }, nodes: [payments] }));
      expect(diagnosis?.hint).toContain('"fresh"');
    });
  });

  it.each([
    'node.kubernetes.io/not-ready',
    'node.kubernetes.io/disk-pressure',
    'node.cloudprovider.kubernetes.io/uninitialized',
    'ToBeDeletedByClusterAutoscaler',
  ])('that says a node is not fit (%s) is not to be tolerated', (key) => {
    const diagnosis = diagnose(waiting(`0/1 nodes are available: 1 node(s) had untolerated taint {${key}: }.`));
    expect(diagnosis?.code).toBe('node_unavailable');
    expect(diagnosis?.hint).not.toContain('tolerations');
  });

  it('that nobody names, on nodes that are all not fit, is told as that', () => {
    const nodes = [{ name: 'a', taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' }] }];
    const diagnosis = diagnose(waiting('0/1 nodes are available: 1 node(s) had untolerated taint(s).', { nodes }));
    expect(diagnosis?.code).toBe('node_unavailable');
    expect(diagnosis?.hint).not.toContain('tolerations');
  });

  it('of the control plane does not hide a selector that nothing matches', () => {
    const diagnosis = diagnose(
      waiting(
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match Pod's node affinity/selector.",
        { spec: { nodeSelector: { disk: 'ssd' } } },
      ),
    );
    expect(diagnosis).toMatchObject({ code: 'no_matching_node' });
    expect(diagnosis?.message).toContain('disk=ssd');
  });
});

describe('several obstacles', () => {
  it('give the code of the one behind which a node would take the pod, and all are told', () => {
    const diagnosis = diagnose(
      waiting(
        '0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu. preemption: 0/3 nodes are available: 2 No preemption victims found for incoming pod.',
      ),
    );
    expect(diagnosis).toMatchObject({ code: 'insufficient_cpu' });
    expect(diagnosis?.message).toContain('2 of 3 nodes have too little cpu left (the pod asks for 1000m)');
    expect(diagnosis?.message).toContain('1 of 3 nodes has the taint dedicated=gpu');
    expect(diagnosis?.hint).toContain('INGESTION_CPU_REQUEST');
    expect(diagnosis?.hint).toContain('"dedicated"');
  });

  it('names the variables of automations to automations', () => {
    const evidence = waiting('0/1 nodes are available: 1 Insufficient memory.');
    const automation = { ...evidence, context: { ...CONTEXT, pipelineType: 'automation' } };
    expect(diagnose(automation)?.hint).toContain('INGESTION_AUTOMATION_WORKFLOW_MEMORY_REQUEST');
  });
});

describe('an autoscaler', () => {
  const event = (reason: string, message: string, at: string) => ({
    metadata: {},
    involvedObject: { kind: 'Pod' },
    reason,
    message,
    lastTimestamp: at,
  });

  it('that adds a node is mentioned, its latest word counting', () => {
    const evidence = waiting('0/1 nodes are available: 1 Insufficient cpu.');
    const no = event(
      'NotTriggerScaleUp',
      "pod didn't trigger scale-up: 1 max node group size reached",
      '2026-01-01T00:00:00Z',
    );
    const yes = event('TriggeredScaleUp', 'pod triggered scale-up: [{asg 1->2 (max: 5)}]', '2026-01-01T00:01:00Z');
    expect(diagnose({ ...evidence, events: [yes, no] })?.message).toContain('autoscaler is adding a node');
    expect(diagnose({ ...evidence, events: [no] })?.message).toContain('max node group size reached');
  });
});
