import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FakeNode, Run, Runner, World } from '@runner/e2e';
import { eventually } from '@runner/faults';
import {
  FAKE_TOLERATION,
  LONG_MS,
  POOL_LABEL,
  agentRules,
  clusterRules,
  fakeNode,
  newPool,
  openWorld,
} from '@runner/e2e';

/** From the trigger to the run that says why it waits. */
const SHOWN_WITHIN_MS = 30_000;

/** Pools of nodes that the tests add; a pool that has no node is one that nothing matches. */
const POOLS = { small: newPool(), tainted: newPool(), dead: newPool(), real: newPool() };
const onPool = (pool: string) => ({ nodeSelector: { [POOL_LABEL]: pool } });
const onSmall = { ...onPool(POOLS.small), tolerations: [FAKE_TOLERATION] };
const asking = (resource: string, amount: string) => ({
  resources: { requests: { [resource]: amount }, limits: { [resource]: amount } },
});

let world: World;
let runner: Runner;
beforeAll(async () => {
  world = await openWorld();
  runner = await world.runner('waiting', {
    namespace: await world.namespace('waiting'),
    rules: agentRules(),
    types: {
      profiler: { ...onPool('nowhere'), tolerations: [FAKE_TOLERATION] },
      lineage: { ...onSmall, ...asking('memory', '900Gi') },
      usage: { ...onSmall, ...asking('cpu', '500') },
      dbt: { priorityClassName: 'no-such-class' },
      autoClassification: {
        ...onSmall,
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'nobody' } } },
            ],
          },
        },
      },
      metadata: onPool(POOLS.tainted),
      policyAgent: onPool(POOLS.real),
      TestSuite: {
        ...onPool(POOLS.dead),
        tolerations: [
          FAKE_TOLERATION,
          ...['not-ready', 'unreachable'].map((name) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists' })),
        ],
      },
    },
    env: { PERMANENT_GRACE_SECONDS: 'default:60' },
  });
  await runner.activeAgent();
});
afterAll(() => world[Symbol.asyncDispose]());

/** The run of a new pipeline of this type, once it says why it waits. */
async function explained(pipelineType: string): Promise<Run> {
  const runId = await (await runner.pipeline({ pipelineType })).trigger();
  return await world.until(
    runId,
    'the run says why it waits',
    ({ diagnosis }) => diagnosis !== undefined,
    SHOWN_WITHIN_MS,
  );
}

interface Case {
  readonly what: string;
  readonly type: string;
  readonly category: string;
  readonly code: string;
  readonly permanent: boolean;
  readonly says: RegExp;
  readonly hint: RegExp;
}

const CASES: readonly Case[] = [
  {
    what: 'a node selector that no node matches',
    type: 'profiler',
    ...{ category: 'scheduling', code: 'no_matching_node', permanent: false },
    says: /runner\.test\/pool=nowhere/,
    hint: /nodeSelector.*profiler of SIMPLEK8S_PIPELINE_TYPE_CONFIGS/,
  },
  {
    what: 'too little memory, and how much was asked for',
    type: 'lineage',
    ...{ category: 'scheduling', code: 'insufficient_memory', permanent: false },
    says: /too little memory .*900Gi/,
    hint: /INGESTION_MEMORY_REQUEST/,
  },
  {
    what: 'too little CPU',
    type: 'usage',
    ...{ category: 'scheduling', code: 'insufficient_cpu', permanent: false },
    says: /too little cpu .*500/,
    hint: /INGESTION_CPU_REQUEST/,
  },
  {
    what: 'a priority class that does not exist',
    type: 'dbt',
    ...{ category: 'configuration', code: 'priority_class_missing', permanent: true },
    says: /no-such-class/,
    hint: /priorityClassName in the entry dbt/,
  },
  {
    what: 'rules about other pods',
    type: 'autoClassification',
    ...{ category: 'scheduling', code: 'pod_affinity_unmet', permanent: false },
    says: /rules about other pods/,
    hint: /podAffinity/,
  },
];

async function shown({ type, category, code, permanent, says, hint }: Case): Promise<void> {
  const run = await explained(type);
  expect(run).toMatchObject({ state: 'pending', pipelineState: 'queued', diagnosis: { category, code, permanent } });
  expect(run.diagnosis?.message).toMatch(says);
  expect(run.diagnosis?.hint).toMatch(hint);
}

describe('a run that no node takes shows within 30 s', () => {
  let small: FakeNode;
  beforeAll(async () => {
    small = await fakeNode(world.cluster, { pool: POOLS.small, state: 'ready' });
  });
  afterAll(() => small[Symbol.asyncDispose]());

  describe.concurrent('what keeps it away:', () => {
    it.for(CASES)('$what', shown);
  });
});

describe('a run whose nodes are tainted', () => {
  it('shows the JSON that goes into the variable of this executor', async () => {
    const taint = { key: 'dedicated', value: 'ingestion', effect: 'NoSchedule' };
    await using nodes = new AsyncDisposableStack();
    nodes.use(await fakeNode(world.cluster, { pool: POOLS.tainted, state: 'ready', taints: [taint] }));
    await shown({
      what: 'a taint',
      type: 'metadata',
      ...{ category: 'scheduling', code: 'untolerated_taint', permanent: false },
      says: /taint/,
      hint: /\{"metadata":\{"tolerations":\[.*SIMPLEK8S_PIPELINE_TYPE_CONFIGS/,
    });
  });
});

describe('an agent that may list nodes', () => {
  it('names the taint, and the JSON of its hint is all that it takes', async () => {
    const pool = newPool();
    const taint = { key: 'dedicated', value: 'ingestion', effect: 'NoSchedule' };
    await using nodes = new AsyncDisposableStack();
    const node = nodes.use(await fakeNode(world.cluster, { pool, state: 'ready', taints: [taint] }));
    const { namespace } = runner;
    const seeing = await world.runner('sees-nodes', {
      namespace,
      rules: agentRules(),
      types: { metadata: onPool(pool) },
    });
    await namespace.grant('sees-nodes', clusterRules());
    await seeing.activeAgent();
    const runId = await (await seeing.pipeline()).trigger();
    const { diagnosis } = await world.until(
      runId,
      'the run names the taint',
      ({ diagnosis: now }) => now?.message.includes('dedicated=ingestion:NoSchedule') === true,
      SHOWN_WITHIN_MS,
    );
    const [json = ''] = /\{"metadata":.*\}\}|\{"metadata":.*\]\}/.exec(diagnosis?.hint ?? '') ?? [];
    const { metadata } = JSON.parse(json) as { metadata: { tolerations: readonly unknown[] } };
    expect(metadata.tolerations).toEqual([{ ...taint, operator: 'Equal' }]);

    const types = { metadata: { ...onPool(pool), ...metadata } };
    const tolerant = await world.runner('tolerates', { namespace, rules: agentRules(), types });
    await tolerant.activeAgent();
    const next = await (await tolerant.pipeline()).trigger();
    await eventually(
      'the node has the pod',
      async () => {
        return (await namespace.pod(next)).spec?.['nodeName'] === node.name;
      },
      LONG_MS,
    );
  });
});

describe('a run that was given to a node which never answers', () => {
  it('shows that it is the node', async () => {
    await using nodes = new AsyncDisposableStack();
    const { name } = nodes.use(await fakeNode(world.cluster, { pool: POOLS.dead, state: 'dead' }));
    const runId = await (await runner.pipeline({ pipelineType: 'TestSuite' })).trigger();
    const run = await world.until(
      runId,
      'the run speaks of its node',
      ({ diagnosis }) => diagnosis?.code === 'node_silent',
      SHOWN_WITHIN_MS,
    );
    expect(run).toMatchObject({
      state: 'pending',
      diagnosis: { category: 'scheduling', permanent: false },
    });
    expect(run.diagnosis?.message).toContain(name);
  });
});

describe('a run that waits for a node with a label', () => {
  const real = async (): Promise<string> => {
    // One that an interrupted test left its label on is as good as any.
    const nodes = await world.cluster.list('Node', undefined);
    const ready = nodes.find(({ spec }) => spec?.['taints'] === undefined);
    if (ready === undefined) throw new Error('the cluster has no node without taints');
    return ready.metadata.name;
  };
  const label = (node: string, pool: string | null) =>
    world.cluster.patch('Node', undefined, node, { metadata: { labels: { [POOL_LABEL]: pool } } });
  const started = async (): Promise<{ runId: string }> => {
    const runId = await (await runner.pipeline({ pipelineType: 'policyAgent' })).trigger();
    await world.until(runId, 'the run waits', ({ diagnosis }) => diagnosis?.code === 'no_matching_node');
    return { runId };
  };

  it('starts when a node gets it, and nothing is said of waiting any more', async () => {
    const node = await real();
    const { runId } = await started();
    await label(node, POOLS.real);
    try {
      const program = await world.control.program(runId);
      expect((await world.inState(runId, 'running')).diagnosis).toBeUndefined();
      program.exit(0);
      expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    } finally {
      await label(node, null);
    }
  });

  it('and whose config somebody deleted meanwhile shows what is missing', async () => {
    const node = await real();
    const { runId } = await started();
    const [config] = await runner.namespace.list('Secret', `app.kubernetes.io/run-id=${runId}`);
    await runner.namespace.remove('Secret', config?.metadata.name ?? '');
    await label(node, POOLS.real);
    try {
      const run = await world.until(
        runId,
        'the run says what is missing',
        ({ diagnosis }) => diagnosis?.category === 'configuration',
        SHOWN_WITHIN_MS,
      );
      expect(run).toMatchObject({ state: 'pending', diagnosis: { code: 'config_missing', permanent: true } });
      expect(run.diagnosis?.message).toContain(config?.metadata.name);
    } finally {
      await label(node, null);
    }
  });
});
