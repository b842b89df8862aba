import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../src/api.ts';
import { eventually } from '../../src/waiting.ts';
import { openJobsPlace } from '../support/jobs-place.ts';
import type { JobsPlace } from '../support/jobs-place.ts';
import { openWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

let world: World;
let place: JobsPlace;
let usual: Readonly<Record<string, string>>;
beforeAll(async () => {
  world = await openWorld();
  place = await openJobsPlace(world.root);
  usual = await place.environment();
});
afterAll(async () => {
  place.cluster.trouble(undefined);
  await world[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

/** What people are promised. */
const WITHIN_MS = 30_000;

/** The run as the stream tells it, event by event. */
async function* streamed(runId: string, signal: AbortSignal): AsyncIterable<Json> {
  const { body } = await world.api.open(`runs/${runId}/stream`, signal);
  let rest = '';
  for await (const piece of (body ?? new ReadableStream<Uint8Array>()).pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as Json;
    }
  }
}

async function firstStreamed(runId: string, wanted: (run: Json) => boolean): Promise<Json> {
  for await (const run of streamed(runId, AbortSignal.timeout(WITHIN_MS))) if (wanted(run)) return run;
  throw new Error('the stream ended before');
}

const isDiagnosed = (run: Json): boolean => run['diagnosis'] !== undefined;

describe('a Job that does not get on', () => {
  it('for a taint says within half a minute which, and with what JSON it would, by REST and stream alike; and goes on by itself', async () => {
    const runner = await world.runner('tainted');
    await runner.activeAgent(usual);
    place.cluster.trouble({
      kind: 'unschedulable',
      message:
        '0/1 nodes are available: 1 node(s) had untolerated taint {nodetype: runner}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    });
    const runId = await (await runner.pipeline()).trigger();
    const told = await firstStreamed(runId, isDiagnosed);
    expect(told).toMatchObject({ state: 'pending', diagnosis: { category: 'scheduling', permanent: false } });
    const { diagnosis } = told as { diagnosis: { message: string; hint?: string } };
    expect(diagnosis.message).toContain('nodetype');
    expect(diagnosis.hint).toContain('SIMPLEK8S_PIPELINE_TYPE_CONFIGS');
    expect((await world.run(runId))['diagnosis']).toEqual(diagnosis);
    place.cluster.trouble(undefined);
    place.cluster.exit(await place.running(runId), 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect((await world.run(runId))['diagnosis']).toBeUndefined();
  });

  it('because its image does not exist is ended in place after the grace, and keeps saying why', async () => {
    const runner = await world.runner('imageless');
    await runner.activeAgent({ ...usual, PERMANENT_GRACE_SECONDS: 'image:1' });
    place.cluster.trouble({
      kind: 'waiting',
      reason: 'ImagePullBackOff',
      message:
        'Back-off pulling image "example.test/ingestion:1": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "example.test/ingestion:1": failed to resolve reference "example.test/ingestion:1": example.test/ingestion:1: not found',
    });
    const pipeline = await runner.pipeline();
    const runId = await pipeline.trigger();
    const { diagnosis } = await firstStreamed(runId, isDiagnosed);
    expect(diagnosis).toMatchObject({ category: 'image', permanent: true, hint: expect.any(String) as string });
    const run = await world.ended(runId);
    place.cluster.trouble(undefined);
    expect(run).toMatchObject({ state: 'failed', reason: 'permanent_failure', diagnosis });
    expect(place.jobs(runId)).toHaveLength(1);
    expect(JSON.stringify(place.jobs(runId)[0]?.metadata?.annotations)).toContain((diagnosis as { code: string }).code);
    const path = `services/ingestionPipelines/${encodeURIComponent(pipeline.fqn)}/pipelineStatus/${runId}`;
    await eventually('the status says it', async () => {
      const status = await world.api.call('GET', path);
      return (
        status['pipelineState'] === 'failed' && JSON.stringify(status).includes((diagnosis as Json)['code'] as string)
      );
    });
    expect(place.executions(runId)).toBe(0);
  });

  it('for anything else is ended at the start deadline of its type', async () => {
    const runner = await world.runner('late');
    await runner.activeAgent({ ...usual, START_DEADLINE_SECONDS_PER_TYPE: 'profiler:1' });
    place.cluster.trouble({ kind: 'unschedulable', message: '0/1 nodes are available: 1 Insufficient memory.' });
    const pipeline = await runner.pipeline({
      pipelineType: 'profiler',
      sourceConfig: { config: { type: 'Profiler' } },
    });
    const runId = await pipeline.trigger();
    const run = await world.ended(runId);
    place.cluster.trouble(undefined);
    expect(run).toMatchObject({ state: 'failed', reason: 'start_deadline', diagnosis: { permanent: true } });
    expect(JSON.stringify(run['diagnosis'])).toContain('within 1 s');
  });
});

describe('a Job that ends badly', () => {
  it('for lack of memory says so, with the limit', async () => {
    const runner = await world.runner('hungry');
    await runner.activeAgent(usual);
    const runId = await (await runner.pipeline()).trigger();
    place.cluster.oomKill(await place.running(runId));
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'out_of_memory' } });
    expect(JSON.stringify(run['diagnosis'])).toContain('4096Mi');
  });
});

describe('an automation', () => {
  const isOver = ({ status }: Json): boolean => status === 'Successful' || status === 'Failed';

  it('that exits 0 without an answer is a failed test', async () => {
    const runner = await world.runner('automations');
    await runner.activeAgent(usual);
    const made = await world.api.call('POST', 'automations/workflows', {
      name: 'test-connection-jobs',
      workflowType: 'TEST_CONNECTION',
      request: {
        connection: { config: { type: 'Postgres', username: 'nobody', hostPort: '127.0.0.1:1', database: 'none' } },
        connectionType: 'Postgres',
        serviceType: 'Database',
        ingestionRunner: { type: 'ingestionRunner', name: 'automations' },
      },
    });
    const id = String(made['id']);
    await world.api.call('POST', `automations/workflows/trigger/${id}`);
    const runId = await eventually('it has a run', async () => {
      const { data } = await world.api.call('GET', `runs?entityId=${id}`);
      return (data as readonly { runId: string }[])[0]?.runId;
    });
    place.cluster.exit(await place.running(runId), 0);
    const workflow = await eventually('it is over', async () => {
      const found = await world.api.call('GET', `automations/workflows/${id}`);
      return isOver(found) && found;
    });
    expect(workflow['status']).toBe('Failed');
    expect(JSON.stringify(workflow['response'])).toContain('without reporting a result');
  });
});
