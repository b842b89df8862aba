import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runner, TestNamespace, World } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { LONG_MS, agentRules, openWorld } from '@runner/e2e';

/** Of runs of type lineage, which no node takes. */
const START_DEADLINE_SECONDS = 12;

let world: World;
let namespace: TestNamespace;
let runner: Runner;
beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace('endings');
  runner = await world.runner('endings', {
    namespace,
    rules: agentRules(),
    types: {
      profiler: { resources: { limits: { memory: '128Mi' } } },
      lineage: { nodeSelector: { 'runner.test/pool': 'nowhere' } },
    },
    env: { START_DEADLINE_SECONDS_PER_TYPE: `lineage:${START_DEADLINE_SECONDS}` },
  });
  await runner.activeAgent();
});
afterAll(() => world[Symbol.asyncDispose]());

const pods = (runId: string) => namespace.list('Pod', `app.kubernetes.io/run-id=${runId}`);

/** A run of a new pipeline whose program runs, and shows so. */
async function running(fields: Readonly<Record<string, unknown>> = {}) {
  const pipeline = await runner.pipeline(fields);
  const runId = await pipeline.trigger();
  const program = await world.control.program(runId);
  await world.inState(runId, 'running');
  return { pipeline, runId, program };
}

describe.concurrent('a program that ends by itself', () => {
  it('with exit code 0 is a success, on one pod, and its log is kept', async () => {
    const { pipeline, runId, program } = await running();
    await program.print('all is well\n');
    program.exit(0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded', pipelineState: 'success' });
    expect(world.control.executions(runId)).toBe(1);
    const log = await world.api.call(
      'GET',
      `services/ingestionPipelines/logs/${encodeURIComponent(pipeline.fqn)}/${runId}`,
    );
    expect(log['ingestion_task']).toContain('all is well');
  });

  it('with another exit code is failed, with the end of its log', async () => {
    const { runId, program } = await running();
    await program.print('the table is locked\n');
    program.exit(9);
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', pipelineState: 'failed', outcome: { exitCode: 9 } });
    expect(run.outcome?.logTail).toContain('the table is locked');
    expect(run.diagnosis).toMatchObject({ category: 'program', permanent: true });
  });

  it('that takes more memory than its limit is failed as out of memory, and the limit is named', async () => {
    const { runId, program } = await running({ pipelineType: 'profiler' });
    program.allocate(400);
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'out_of_memory', permanent: true } });
    expect(run.diagnosis?.message).toContain('128Mi');
    expect(run.diagnosis?.hint).toMatch(/memory/i);
  });
});

describe.concurrent('a deadline', () => {
  it('of the run ends the pod, although its program does not listen', async () => {
    const { runId, program } = await running({ airflowConfig: { workflowTimeout: 6 } });
    await program.resist();
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'deadline', code: 'run_deadline' } });
    expect(run.diagnosis?.message).toContain('6 s');
  });

  it('of the start ends a run that no node takes, and the sentence says what it waited for', async () => {
    const runId = await (await runner.pipeline({ pipelineType: 'lineage' })).trigger();
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'scheduling', code: 'start_deadline' } });
    expect(run.diagnosis?.message).toMatch(/did not start within 12 s: .*runner\.test\/pool=nowhere/);
    expect(world.control.executions(runId)).toBe(0);
    expect(await pods(runId)).toHaveLength(0);
    // Ended in place: the record stays.
    expect((await namespace.job(runId)).metadata.deletionTimestamp).toBeUndefined();
  });
});

describe.concurrent('a cancel', () => {
  it('ends the run, and says so only when its pod is gone, although the program does not listen', async () => {
    const { pipeline, runId, program } = await running();
    await program.resist();
    await pipeline.ask('kill');
    expect(await world.ended(runId)).toMatchObject({ state: 'cancelled', pipelineState: 'failed' });
    expect((await pods(runId)).filter(({ status }) => status?.['phase'] === 'Running')).toHaveLength(0);
    await program.gone;
    expect((await namespace.job(runId)).metadata.deletionTimestamp).toBeUndefined();
  });

  it('of a run that waits for a node leaves nothing that could start', async () => {
    const pipeline = await runner.pipeline({ pipelineType: 'lineage' });
    const runId = await pipeline.trigger();
    await world.inState(runId, 'pending');
    await pipeline.ask('kill');
    expect(await world.ended(runId)).toMatchObject({ state: 'cancelled' });
    expect(world.control.executions(runId)).toBe(0);
    expect(await pods(runId)).toHaveLength(0);
  });
});

describe.concurrent('what somebody else does', () => {
  it('a Job that is deleted by hand is lost work, and said to be', async () => {
    const { runId } = await running();
    await namespace.remove('Job', (await namespace.job(runId)).metadata.name);
    // Absence is believed at the second look: a minute may pass.
    const run = await world.ended(runId);
    expect(['lost', 'failed']).toContain(run.state);
    expect(run).toMatchObject({ pipelineState: 'failed', diagnosis: { category: 'lost' } });
    expect(world.control.executions(runId)).toBe(1);
  });

  it('a pod that is deleted by hand fails the run, which is not executed again', async () => {
    const { runId } = await running();
    await namespace.remove('Pod', (await namespace.pod(runId)).metadata.name);
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'lost', code: 'pod_deleted' } });
    expect(world.control.executions(runId)).toBe(1);
  });

  it('a pod that is evicted, as when its node is drained, is told apart from one that is deleted', async () => {
    const { runId } = await running();
    await namespace.evict((await namespace.pod(runId)).metadata.name);
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'evicted', code: 'evicted_by_request' } });
    expect(world.control.executions(runId)).toBe(1);
  });

  it('a Job that is deleted while its pod is kept loses nothing: the run goes on and ends as it does', async () => {
    const { runId, program } = await running();
    await namespace.remove('Job', (await namespace.job(runId)).metadata.name, { propagation: 'Orphan' });
    await program.print('still here\n');
    program.exit(0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect(world.control.executions(runId)).toBe(1);
  });

  it('a Job that is suspended waits without its start deadline, which goes on when it is resumed', async () => {
    // What Kueue does with a Job that has to queue. No node takes this one, so that nothing of it starts meanwhile.
    const runId = await (await runner.pipeline({ pipelineType: 'lineage' })).trigger();
    const { name } = (await namespace.job(runId)).metadata;
    await namespace.patch('Job', name, { spec: { suspend: true } });
    const held = await world.until(
      runId,
      'the run says that it is held back',
      ({ diagnosis }) => diagnosis?.category === 'suspended',
    );
    expect(held).toMatchObject({ state: 'pending', diagnosis: { code: 'job_suspended', permanent: false } });
    // The start deadline of its type would have passed by then.
    await new Promise((resolve) => setTimeout(resolve, START_DEADLINE_SECONDS * 1_000));
    expect(await world.run(runId)).toMatchObject({ state: 'pending', diagnosis: { code: 'job_suspended' } });
    await namespace.patch('Job', name, { spec: { suspend: false } });
    // Tainted nodes of other tests may be named before the selector.
    await world.until(runId, 'it waits for a node again', ({ diagnosis }) => diagnosis?.category === 'scheduling');
    expect(await world.ended(runId)).toMatchObject({ state: 'failed', diagnosis: { code: 'start_deadline' } });
    expect(world.control.executions(runId)).toBe(0);
  });
});

describe('an image without the program', () => {
  it('fails the run and says which programs an ingestion image has', async () => {
    const other = await world.runner('no-python', {
      namespace,
      rules: agentRules(),
      env: { INGESTION_IMAGE: 'docker.io/runner/busybox:1', PERMANENT_GRACE_SECONDS: 'default:4' },
    });
    await other.activeAgent();
    const runId = await (await other.pipeline()).trigger();
    const run = await world.ended(runId);
    expect(run).toMatchObject({ state: 'failed', diagnosis: { category: 'program', code: 'program_not_found' } });
    expect(run.diagnosis?.hint).toContain('main.py');
  });
});

describe('a test of a connection', () => {
  /** A new workflow that was triggered, and its program in the pod. */
  async function tested(name: string) {
    const workflow = await world.api.call('POST', 'automations/workflows', {
      name,
      workflowType: 'TEST_CONNECTION',
      request: {
        connection: { config: { type: 'Postgres', username: 'nobody', hostPort: '127.0.0.1:1', database: 'none' } },
        serviceType: 'Database',
        connectionType: 'Postgres',
        serviceName: 'service-of-endings',
        ingestionRunner: 'endings',
      },
    });
    const id = String(workflow['id']);
    await world.api.call('POST', `automations/workflows/trigger/${id}`);
    const program = await world.control.program(name);
    expect(program.argv).toEqual(['run_automation.py']);
    const status = async () => String((await world.api.call('GET', `automations/workflows/${id}`))['status']);
    return { program, status };
  }

  it('whose program ends without a word is failed, so that nobody waits for ever', async () => {
    const { program, status } = await tested('dies-in-its-pod');
    program.exit(1);
    await eventually('the workflow is Failed', async () => (await status()) === 'Failed', LONG_MS);
  });

  it('whose program ends well without an answer is failed too', async () => {
    const { program, status } = await tested('says-nothing');
    program.exit(0);
    await eventually('the workflow is Failed', async () => (await status()) === 'Failed', LONG_MS);
  });
});
