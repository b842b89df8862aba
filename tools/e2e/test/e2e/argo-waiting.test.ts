import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArgoTransport, Runner, World } from '@runner/e2e';
import { POOL_LABEL, argoRules, fakeNode, newPool, openWorld } from '@runner/e2e';

const TRANSPORTS = ['server', 'crd'] as const;
const TAINTED = newPool();
/** What cannot run main cannot run the exit step either, which Argo waits for until its deadline has passed. */
const ENDED_WITHIN_MS = 360_000;

let world: World;
const runners = new Map<ArgoTransport, Runner>();
const nodes = new AsyncDisposableStack();
beforeAll(async () => {
  world = await openWorld();
  const taint = { key: 'dedicated', value: 'ingestion', effect: 'NoSchedule' };
  nodes.use(await fakeNode(world.cluster, { pool: TAINTED, state: 'ready', taints: [taint] }));
  await Promise.all(
    TRANSPORTS.map(async (argo) => {
      const namespace = await world.namespace(`argo-waits-${argo}`);
      const runner = await world.runner(`argo-waits-${argo}`, {
        ...{ namespace, argo, rules: argoRules(argo) },
        types: { lineage: { nodeSelector: { [POOL_LABEL]: TAINTED } } },
        env: {
          INGESTION_IMAGE: 'docker.io/runner/there-is-no-such-image:1',
          INGESTION_IMAGE_PULL_POLICY: 'Never',
          PERMANENT_GRACE_SECONDS: 'image:2',
          START_DEADLINE_SECONDS_PER_TYPE: 'lineage:20',
        },
      });
      await runner.activeAgent();
      runners.set(argo, runner);
    }),
  );
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await nodes.disposeAsync();
});

describe.concurrent.each(TRANSPORTS)('a Workflow that does not get on, over the transport %s', (transport) => {
  const triggered = async (fields: Readonly<Record<string, unknown>> = {}): Promise<string> => {
    const pipeline = await runners.get(transport)?.pipeline(fields);
    if (pipeline === undefined) throw new Error(`there is no runner of ${transport}`);
    return await pipeline.trigger();
  };

  it('because of its image says which, and is ended after the grace', async () => {
    const runId = await triggered();
    const told = await world.until(runId, 'it says why', ({ diagnosis }) => diagnosis !== undefined);
    expect(told.diagnosis).toMatchObject({ category: 'image' });
    expect(told.diagnosis?.message).toContain('there-is-no-such-image:1');
    const run = await world.until(runId, 'its end', ({ outcome }) => outcome !== undefined, ENDED_WITHIN_MS);
    expect(run).toMatchObject({ state: 'failed', pipelineState: 'failed', writtenBy: 'runner' });
    expect(run.diagnosis?.message).toContain('there-is-no-such-image:1');
    expect(world.control.executions(runId)).toBe(0);
  });

  it('because of a taint names the setting; its start deadline ends it with that sentence', async () => {
    const runId = await triggered({ pipelineType: 'lineage' });
    const told = await world.until(runId, 'it says why', ({ diagnosis }) => diagnosis !== undefined);
    expect(told).toMatchObject({ state: 'pending', diagnosis: { category: 'scheduling', permanent: false } });
    expect(told.diagnosis).toMatchObject({
      code: 'untolerated_taint',
      message: expect.stringContaining('taint') as string,
    });
    expect(told.diagnosis?.hint).toContain('ARGO_PIPELINE_TYPE_CONFIGS');
    const run = await world.until(runId, 'its end', ({ outcome }) => outcome !== undefined, ENDED_WITHIN_MS);
    expect(run).toMatchObject({ state: 'failed', writtenBy: 'runner', diagnosis: { code: 'start_deadline' } });
    expect(run.diagnosis?.message).toMatch(/did not start within 20 s: .*taint/);
    expect(world.control.executions(runId)).toBe(0);
  });
});
