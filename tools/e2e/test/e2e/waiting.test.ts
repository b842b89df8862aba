import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Run, Runner, World } from '@runner/e2e';
import { POOL_LABEL, agentRules, fakeNode, openWorld } from '@runner/e2e';

/** From the trigger to the run that says why it waits. */
const SHOWN_WITHIN_MS = 30_000;

let world: World;
let runner: Runner;
const nodes = new AsyncDisposableStack();

beforeAll(async () => {
  world = await openWorld();
  const reserved = { key: 'dedicated', value: 'ingestion', effect: 'NoSchedule' };
  const tainted = nodes.use(await fakeNode(world.cluster, { state: 'ready', taints: [reserved] }));
  const small = nodes.use(await fakeNode(world.cluster, { state: 'ready' }));
  const dead = nodes.use(await fakeNode(world.cluster, { state: 'dead' }));
  const onNode = (pool: string) => ({ nodeSelector: { [POOL_LABEL]: pool } });
  runner = await world.runner('waiting', {
    namespace: await world.namespace('waiting'),
    rules: agentRules(),
    types: {
      metadata: onNode(tainted.pool),
      profiler: onNode('nowhere'),
      lineage: { ...onNode(small.pool), resources: { requests: { memory: '900Gi' }, limits: { memory: '900Gi' } } },
      usage: { ...onNode(small.pool), resources: { requests: { cpu: '500' }, limits: { cpu: '500' } } },
      dbt: { priorityClassName: 'no-such-class' },
      TestSuite: onNode(dead.pool),
      autoClassification: {
        ...onNode(small.pool),
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'nobody' } } },
            ],
          },
        },
      },
    },
    env: { PERMANENT_GRACE_SECONDS: 'default:60' },
  });
  await runner.activeAgent();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await nodes.disposeAsync();
});

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
    what: 'a taint that the pod does not tolerate, with JSON for the variable of this executor',
    type: 'metadata',
    ...{ category: 'scheduling', code: 'untolerated_taint', permanent: false },
    says: /taint/,
    hint: /\{"metadata":\{"tolerations":\[.*SIMPLEK8S_PIPELINE_TYPE_CONFIGS/,
  },
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
    what: 'nodes that are not ready',
    type: 'TestSuite',
    ...{ category: 'scheduling', code: 'no_matching_node', permanent: false },
    says: /taint/,
    hint: /TestSuite/,
  },
  {
    what: 'rules about other pods',
    type: 'autoClassification',
    ...{ category: 'scheduling', code: 'pod_affinity_unmet', permanent: false },
    says: /rules about other pods/,
    hint: /podAffinity/,
  },
];

describe.concurrent('a run that no node takes shows within 30 s', () => {
  it.for(CASES)('$what', async ({ type, category, code, permanent, says, hint }) => {
    const run = await explained(type);
    expect(run).toMatchObject({ state: 'pending', pipelineState: 'queued', diagnosis: { category, code, permanent } });
    expect(run.diagnosis?.message).toMatch(says);
    expect(run.diagnosis?.hint).toMatch(hint);
  });
});
