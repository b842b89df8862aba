import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ArgoTransport, Pipeline, TestNamespace, World } from '@runner/e2e';
import { POOL_LABEL, argoRules, newPool, openWorld } from '@runner/e2e';

/** Over each transport. A pod of a Workflow has three containers, so most runs here wait for a node that there is not. */
const EXECUTED = 10;
const WAITING = 40;
const ALL_WITHIN_MS = 360_000;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Every fifth fails, so that outcomes cannot be mixed up unseen. */
const codeOf = (index: number): number => (index % 5 === 0 ? 3 : 0);

interface Crowd {
  readonly namespace: TestNamespace;
  readonly pipelines: readonly Pipeline[];
}

/** Pipelines of a runner of their own. They are applications: their runs have no exit steps. */
async function crowd(argo: ArgoTransport, what: 'executed' | 'waiting', count: number): Promise<Crowd> {
  const name = `argo-${what}-${argo}`;
  const namespace = await world.namespace(name);
  const runner = await world.runner(name, {
    ...{ namespace, argo, rules: argoRules(argo) },
    types: what === 'waiting' ? { application: { nodeSelector: { [POOL_LABEL]: newPool() } } } : {},
    env: { MAX_CONCURRENT_RUNS: String(count), INGESTION_CPU_REQUEST: '1m', INGESTION_MEMORY_REQUEST: '8Mi' },
  });
  await runner.activeAgent();
  const fields = {
    pipelineType: 'application',
    ingestionRunner: { type: 'ingestionRunner', name },
    sourceConfig: { config: { type: 'Application', sourcePythonClass: 'test.Application' } },
  };
  return { namespace, pipelines: await Promise.all(Array.from({ length: count }, () => runner.pipeline(fields))) };
}

const triggered = (crowds: readonly Crowd[]): Promise<readonly string[]> =>
  Promise.all(crowds.flatMap(({ pipelines }) => pipelines).map((pipeline) => pipeline.trigger()));

/** A hundred that ask all the time would leave the control plane no time for anything else. */
async function inTurn<T>(runIds: readonly string[], look: (runId: string) => Promise<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for (const runId of runIds) all.push(await look(runId));
  return all;
}

it(`${2 * (EXECUTED + WAITING)} runs at once, half of them over each transport, are as many Workflows with an end of their own each`, async () => {
  const executed = await Promise.all([crowd('server', 'executed', EXECUTED), crowd('crd', 'executed', EXECUTED)]);
  const waiting = await Promise.all([crowd('server', 'waiting', WAITING), crowd('crd', 'waiting', WAITING)]);
  const [runs, waits] = await Promise.all([triggered(executed), triggered(waiting)]);

  const told = await inTurn(waits, (runId) =>
    world.until(runId, 'it says why it waits', (run) => run.diagnosis !== undefined, ALL_WITHIN_MS),
  );
  expect(new Set(told.map(({ state, diagnosis }) => `${state} ${diagnosis?.category}`))).toEqual(
    new Set(['pending scheduling']),
  );
  await Promise.all(
    runs.map(async (runId, index) => (await world.control.program(runId, ALL_WITHIN_MS)).exit(codeOf(index))),
  );
  await Promise.all(waiting.flatMap(({ pipelines }) => pipelines).map((pipeline) => pipeline.ask('kill')));
  const ends = await inTurn(runs, (runId) =>
    world.until(runId, 'its end', (run) => run.outcome !== undefined, ALL_WITHIN_MS),
  );
  const cancelled = await inTurn(waits, (runId) => world.ended(runId, ALL_WITHIN_MS));

  expect(ends.map(({ state, outcome }) => [state, outcome?.exitCode])).toEqual(
    runs.map((_, index) => (codeOf(index) === 0 ? ['succeeded', 0] : ['failed', codeOf(index)])),
  );
  expect(new Set(cancelled.map(({ state }) => state))).toEqual(new Set(['cancelled']));
  expect(runs.map((runId) => world.control.executions(runId))).toEqual(runs.map(() => 1));
  expect(waits.map((runId) => world.control.executions(runId))).toEqual(waits.map(() => 0));
  for (const { namespace } of executed) expect(await namespace.list('Workflow')).toHaveLength(EXECUTED);
  for (const { namespace } of waiting) expect(await namespace.list('Workflow')).toHaveLength(WAITING);
});
