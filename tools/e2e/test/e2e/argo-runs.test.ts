import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '@runner/faults';
import type { ArgoTransport, Runner, TestNamespace, World } from '@runner/e2e';
import { LONG_MS, OFFICIAL_ARGO_ROLE, openWorld } from '@runner/e2e';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe.each<ArgoTransport>(['server', 'crd'])('runs as Workflows, over the transport %s', (transport) => {
  let namespace: TestNamespace;
  let runner: Runner;
  beforeAll(async () => {
    namespace = await world.namespace(`argo-${transport}`);
    runner = await world.runner(`argo-${transport}`, {
      namespace,
      rules: OFFICIAL_ARGO_ROLE,
      argo: transport,
      types: { profiler: { resources: { limits: { memory: '128Mi' } } } },
    });
    await runner.activeAgent();
  });

  /** A run of a new pipeline whose program runs, and shows so. */
  async function running(fields: Readonly<Record<string, unknown>> = {}) {
    const pipeline = await runner.pipeline(fields);
    const runId = await pipeline.trigger();
    const program = await world.control.program(runId);
    await world.inState(runId, 'running');
    return { pipeline, runId, program };
  }

  it('a success: one pod, its log, and the exit step reports it with a token of its own', async () => {
    const { pipeline, runId, program } = await running();
    await program.print('all is well\n');
    const { config = '' } = await program.environment();
    program.exit(0);
    const run = await world.until(runId, 'the exit step has reported', ({ writtenBy }) => writtenBy === 'exitStep');
    expect(run).toMatchObject({ state: 'succeeded', pipelineState: 'success' });
    await world.until(runId, 'the end was seen', ({ outcome }) => outcome !== undefined);
    expect((await world.run(runId)).outcome).toMatchObject({ result: 'succeeded', exitCode: 0 });
    expect(world.control.executions(runId)).toBe(1);
    const path = `services/ingestionPipelines/logs/${encodeURIComponent(pipeline.fqn)}/${runId}`;
    expect((await world.api.call('GET', path))['ingestion_task']).toContain('all is well');
    const [first, exit] = await tokensOf(runId, config);
    expect(first).not.toBe(exit);
  });

  it('a failure: the exit code, and what the exit step says stands beside what the runner knows', async () => {
    const { pipeline, runId, program } = await running();
    await program.print('the table is locked\n');
    program.exit(9);
    const run = await world.until(runId, 'the end was seen', ({ outcome }) => outcome !== undefined);
    expect(run).toMatchObject({ state: 'failed', pipelineState: 'failed', outcome: { exitCode: 9 } });
    const path = `services/ingestionPipelines/${encodeURIComponent(pipeline.fqn)}/pipelineStatus/${runId}`;
    await eventually(
      'both have told why',
      async () => {
        const { status = [] } = (await world.api.call('GET', path)) as {
          status?: readonly { readonly name: string }[];
        };
        const names = status.map(({ name }) => name);
        return names.includes('Pod Diagnostics') && names.includes('Runner Diagnostics');
      },
      LONG_MS,
    );
  });

  it('a cancel: the program is stopped, the exit step runs and changes nothing', async () => {
    const { pipeline, runId } = await running();
    await pipeline.ask('kill');
    expect(await world.ended(runId)).toMatchObject({ state: 'cancelled', pipelineState: 'failed' });
    const { spec } = await namespace.workflow(runId);
    expect(spec?.['shutdown']).toBe('Stop');
    expect(await exitPods(runId)).toHaveLength(1);
  });

  const exitPods = async (runId: string) => {
    const pods = await namespace.list('Pod', `app.kubernetes.io/run-id=${runId}`);
    return pods.filter(({ metadata }) => metadata.labels?.['omjob.pipelines.openmetadata.org/pod-type'] !== 'main');
  };

  /** The tokens of main and of the exit step, as they stand in the Workflow. */
  async function tokensOf(runId: string, config: string): Promise<readonly (string | undefined)[]> {
    const token = /"jwtToken":\s*"([^"]+)"/;
    const { spec } = await namespace.workflow(runId);
    const templates = (spec?.['templates'] ?? []) as readonly { readonly name: string }[];
    const exit = JSON.stringify(templates.find(({ name }) => name === 'exit-handler')).replaceAll('\\"', '"');
    return [token.exec(config)?.[1], token.exec(exit)?.[1]];
  }
});
