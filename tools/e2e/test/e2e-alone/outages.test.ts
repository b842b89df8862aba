import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runner, TestNamespace, World } from '@runner/e2e';
import { agentRules, fakeNode, newPool, openWorld } from '@runner/e2e';

/** Only on a cluster whose programs may be stopped; npm run test:e2e leaves this file out on any other. */
const TOOL = fileURLToPath(new URL('../../../cluster/cluster', import.meta.url));
const tool = async (...words: readonly string[]): Promise<void> => {
  await promisify(execFile)(TOOL, words);
};

const OUTAGE_MS = 60_000;
/** The controllers of the cluster come back to an API server after waits that grow with the outage, and so does the agent. */
const RECOVERED_WITHIN_MS = 180_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let world: World;
let namespace: TestNamespace;
let runner: Runner;
/** Given up three seconds after its node is. */
const IMPATIENT = ['not-ready', 'unreachable'].map((name) => ({
  key: `node.kubernetes.io/${name}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 3,
}));

beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace('outages');
  runner = await world.runner('outages', {
    namespace,
    rules: agentRules(),
    types: { profiler: { tolerations: IMPATIENT } },
  });
  await runner.activeAgent();
});
afterAll(async () => {
  // Whatever failed, the others find the cluster as it was.
  for (const name of ['kube-apiserver', 'kubelet']) await tool('start', name);
  await world[Symbol.asyncDispose]();
});

async function running(fields: Readonly<Record<string, unknown>> = {}) {
  const runId = await (await runner.pipeline(fields)).trigger();
  const program = await world.control.program(runId);
  await world.inState(runId, 'running');
  return { runId, program };
}

// First: after an outage of the API server the controllers doubt their nodes for a while.
describe('a node that stops answering', () => {
  it('is shown; a run that waits for it goes on when it is back, one that does not is given up', async () => {
    const [patient, given] = [await running(), await running({ pipelineType: 'profiler' })];
    // Where every node is lost Kubernetes suspects itself, and gives up no pod.
    await using nodes = new AsyncDisposableStack();
    nodes.use(await fakeNode(world.cluster, { pool: newPool(), state: 'ready' }));
    await tool('stop', 'kubelet', 'KILL');
    try {
      const shown = await world.until(
        patient.runId,
        'the run says that its node does not answer',
        ({ diagnosis }) => diagnosis?.category === 'node_lost',
        90_000,
      );
      expect(shown).toMatchObject({ state: 'running', diagnosis: { code: 'node_not_ready', permanent: false } });
      expect(shown.diagnosis?.message).toContain('localhost');
      await pause(10_000);
    } finally {
      await tool('start', 'kubelet');
    }
    expect(await world.ended(given.runId, RECOVERED_WITHIN_MS)).toMatchObject({
      state: 'failed',
      diagnosis: { category: 'evicted', code: 'evicted_by_taint' },
    });
    await world.until(
      patient.runId,
      'nothing is said of the node any more',
      ({ diagnosis }) => diagnosis === undefined,
    );
    patient.program.exit(0);
    expect(await world.ended(patient.runId)).toMatchObject({ state: 'succeeded' });
    for (const { runId } of [patient, given]) expect(world.control.executions(runId)).toBe(1);
  });
});

describe('an API server that is away for 60 s', () => {
  it('changes nothing about runs: they go on, those that ended meanwhile and later are told as they were', async () => {
    const [meanwhile, later] = [await running(), await running()];
    await tool('stop', 'kube-apiserver');
    try {
      meanwhile.program.exit(4);
      await pause(OUTAGE_MS);
      for (const { runId } of [meanwhile, later]) expect(await world.run(runId)).toMatchObject({ state: 'running' });
    } finally {
      await tool('start', 'kube-apiserver');
    }
    expect(await world.ended(meanwhile.runId, RECOVERED_WITHIN_MS)).toMatchObject({
      state: 'failed',
      outcome: { exitCode: 4 },
    });
    later.program.exit(0);
    expect(await world.ended(later.runId)).toMatchObject({ state: 'succeeded' });
    const afterwards = await running();
    afterwards.program.exit(0);
    expect(await world.ended(afterwards.runId)).toMatchObject({ state: 'succeeded' });
    for (const { runId } of [meanwhile, later, afterwards]) expect(world.control.executions(runId)).toBe(1);
  });
});
