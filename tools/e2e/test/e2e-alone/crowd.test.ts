import { afterAll, beforeAll, expect, it } from 'vitest';
import type { World } from '@runner/e2e';
import { agentRules, openWorld } from '@runner/e2e';

const RUNS = 200;
const ALL_WITHIN_MS = 240_000;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it(`${RUNS} runs at once are ${RUNS} Jobs, each executed once, and all end as they should`, async () => {
  const namespace = await world.namespace('crowd');
  const runner = await world.runner('crowd', {
    namespace,
    rules: agentRules(),
    env: { MAX_CONCURRENT_RUNS: String(RUNS), INGESTION_CPU_REQUEST: '1m', INGESTION_MEMORY_REQUEST: '8Mi' },
  });
  await runner.activeAgent();
  const pipelines = await Promise.all(Array.from({ length: RUNS }, () => runner.pipeline()));
  const runs = await Promise.all(pipelines.map((pipeline) => pipeline.trigger()));
  // Every tenth fails, so that outcomes cannot be mixed up unseen.
  const code = (index: number): number => (index % 10 === 0 ? 3 : 0);
  await Promise.all(
    runs.map(async (runId, index) => (await world.control.program(runId, ALL_WITHIN_MS)).exit(code(index))),
  );
  const ended = await Promise.all(runs.map((runId) => world.ended(runId, ALL_WITHIN_MS)));
  expect(ended.map(({ state }) => state)).toEqual(runs.map((_, index) => (code(index) === 0 ? 'succeeded' : 'failed')));
  expect(runs.map((runId) => world.control.executions(runId))).toEqual(runs.map(() => 1));
  expect(await namespace.list('Job')).toHaveLength(RUNS);
});

/** Complete or failed; a slot is free only then. */
function isFinished(job: object): boolean {
  const { status } = job as { status?: { conditions?: readonly { type: string; status: string }[] } };
  return (
    status?.conditions?.some(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True') === true
  );
}

const QUEUED = 150;
const LIMIT = 25;

it(`${QUEUED} runs in a burst never execute more than the ${LIMIT} that the runner takes, and all end`, async () => {
  const namespace = await world.namespace('burst');
  const runner = await world.runner('burst', {
    namespace,
    rules: agentRules(),
    env: { MAX_CONCURRENT_RUNS: String(LIMIT), INGESTION_CPU_REQUEST: '1m', INGESTION_MEMORY_REQUEST: '8Mi' },
  });
  await runner.activeAgent();
  const pipelines = await Promise.all(Array.from({ length: QUEUED }, () => runner.pipeline()));
  const runs = await Promise.all(pipelines.map((pipeline) => pipeline.trigger()));
  const unfinished = async (): Promise<number> =>
    (await namespace.list('Job')).filter((job) => !isFinished(job)).length;
  const counts: Promise<number>[] = [];
  // Nobody ends before the limit is reached, so that the first wave really fills it.
  let fill: () => void = () => undefined;
  const full = new Promise<void>((resolve) => (fill = resolve));
  await Promise.all(
    runs.map(async (runId) => {
      const program = await world.control.program(runId, ALL_WITHIN_MS);
      counts.push(unfinished());
      if (counts.length === LIMIT) fill();
      await full;
      // The first wave has been counted as a whole before one of it ends.
      await Promise.all(counts.slice(0, LIMIT));
      program.exit(0);
    }),
  );
  await Promise.all(runs.map((runId) => world.ended(runId, ALL_WITHIN_MS)));
  expect(Math.max(...(await Promise.all(counts)))).toBe(LIMIT);
  expect(runs.map((runId) => world.control.executions(runId))).toEqual(runs.map(() => 1));
  expect(await namespace.list('Job')).toHaveLength(QUEUED);
});
