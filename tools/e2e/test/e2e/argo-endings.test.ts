import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '@runner/faults';
import type { ArgoTransport, Run, Runner, TestNamespace, World } from '@runner/e2e';
import { LONG_MS, argoRules, exitStepPods, openWorld, toldExitStep } from '@runner/e2e';

const TRANSPORTS = ['server', 'crd'] as const;
/** No node has so much. The exit step asks for little, so it can run where main cannot. */
const TOO_MUCH = { resources: { requests: { cpu: '900' }, limits: { cpu: '900' } } };

interface Scene {
  readonly namespace: TestNamespace;
  readonly runner: Runner;
}

let world: World;
const scenes = new Map<ArgoTransport, Scene>();
beforeAll(async () => {
  world = await openWorld();
  await Promise.all(
    TRANSPORTS.map(async (argo) => {
      // Whatever runs here passes the strictest standard for pods.
      const namespace = await world.namespace(`argo-ends-${argo}`, {
        'pod-security.kubernetes.io/enforce': 'restricted',
      });
      const runner = await world.runner(`argo-ends-${argo}`, {
        ...{ namespace, argo, rules: argoRules(argo) },
        types: { profiler: { resources: { limits: { memory: '128Mi' } } }, lineage: TOO_MUCH },
      });
      await runner.activeAgent();
      scenes.set(argo, { namespace, runner });
    }),
  );
});
afterAll(() => world[Symbol.asyncDispose]());

describe.concurrent.each(TRANSPORTS)('a Workflow over the transport %s, in a restricted namespace', (transport) => {
  const scene = (): Scene => {
    const found = scenes.get(transport);
    if (found === undefined) throw new Error(`the scene of ${transport} was not set`);
    return found;
  };

  /** A run of a new pipeline whose program runs, and shows so. */
  async function running(fields: Readonly<Record<string, unknown>> = {}) {
    const pipeline = await scene().runner.pipeline(fields);
    const runId = await pipeline.trigger();
    const program = await world.control.program(runId);
    await world.inState(runId, 'running');
    return { pipeline, runId, program };
  }

  /** The run once the end of its workload was seen, whoever else wrote before. */
  const seenEnd = (runId: string): Promise<Run> =>
    world.until(runId, 'the end was seen', ({ outcome }) => outcome !== undefined);
  const exitStepOf = (runId: string): Promise<string> => toldExitStep(world.cluster, scene().namespace, runId);
  const workflowName = async (runId: string): Promise<string> =>
    (await scene().namespace.workflow(runId)).metadata.name;

  it('that takes more memory than its limit is out of memory; the exit step reports it', async () => {
    const { runId, program } = await running({ pipelineType: 'profiler' });
    program.allocate(400);
    expect(await exitStepOf(runId)).toBe('Failed');
    const run = await seenEnd(runId);
    expect(run).toMatchObject({ state: 'failed', pipelineState: 'failed', writtenBy: 'exitStep' });
    const diagnosis = run.diagnosis ?? run.outcome?.['diagnosis'];
    expect(diagnosis).toMatchObject({ category: 'out_of_memory', permanent: true });
    expect(JSON.stringify(diagnosis)).toContain(transport === 'crd' ? '128Mi' : 'memory');
  });

  it('that is cancelled ends although its program does not listen; the exit step changes nothing', async () => {
    const { pipeline, runId, program } = await running();
    await program.resist();
    await pipeline.ask('kill');
    const run = await seenEnd(runId);
    expect(run).toMatchObject({ state: 'cancelled', pipelineState: 'failed', writtenBy: 'runner' });
    // Argo cannot kill it, and nobody else can where pods are out of reach.
    if (transport === 'server') program.exit(0);
    await program.gone;
    expect(await exitStepOf(runId)).toBe('Failed');
    const { spec, status } = await scene().namespace.workflow(runId);
    expect([spec?.['shutdown'], status?.['phase']]).toEqual(['Stop', 'Failed']);
  });

  it('that waits is cancelled and never starts; the exit step runs', async () => {
    const pipeline = await scene().runner.pipeline({ pipelineType: 'lineage' });
    const runId = await pipeline.trigger();
    const waiting = await world.until(runId, 'it says why it waits', ({ diagnosis }) => diagnosis !== undefined);
    expect(waiting).toMatchObject({ state: 'pending', diagnosis: { category: 'scheduling', permanent: false } });
    expect(waiting.diagnosis?.message).toMatch(/cpu/i);
    await pipeline.ask('kill');
    expect(await seenEnd(runId)).toMatchObject({ state: 'cancelled', writtenBy: 'runner' });
    expect(await exitStepOf(runId)).toBe('Failed');
    expect(world.control.executions(runId)).toBe(0);
  });

  it('that somebody terminates has no exit step, and is told by the runner', async () => {
    const { runId, program } = await running();
    await scene().namespace.patch('Workflow', await workflowName(runId), { spec: { shutdown: 'Terminate' } });
    const run = await seenEnd(runId);
    expect(run).toMatchObject({ state: 'cancelled', pipelineState: 'failed', writtenBy: 'runner' });
    expect(run.outcome).toMatchObject({ result: 'cancelled', diagnosis: { code: 'workflow_terminated' } });
    await program.gone;
    expect(await exitStepPods(scene().namespace, runId)).toHaveLength(0);
  });

  it('whose exit step fails stays a success, and says so', async () => {
    const config = { type: 'DatabaseMetadata', exitStep: 'fails' };
    const { runId, program } = await running({ sourceConfig: { config } });
    program.exit(0);
    const run = await seenEnd(runId);
    expect(run).toMatchObject({ state: 'succeeded', pipelineState: 'success', outcome: { exitCode: 0 } });
    expect(run.diagnosis ?? run.outcome?.['diagnosis']).toMatchObject({ code: 'exit_step_failed', permanent: false });
    expect((await scene().namespace.workflow(runId)).status?.['phase']).toBe('Failed');
  });

  it('of an application has no exit step, and ends as its program does', async () => {
    const ingestionRunner = { type: 'ingestionRunner', name: scene().runner.name };
    const pipeline = await scene().runner.pipeline({
      pipelineType: 'application',
      ingestionRunner,
      sourceConfig: { config: { type: 'Application', sourcePythonClass: 'test.Application' } },
    });
    const runId = await pipeline.trigger();
    // Applications are not told their run: the program is known by its pod, which is called like the Workflow.
    const program = await world.control.program(await workflowName(runId));
    expect(program.argv).toEqual(['-m', 'metadata.applications.runner']);
    program.exit(0);
    const run = await seenEnd(runId);
    expect(run).toMatchObject({ state: 'succeeded', writtenBy: 'runner', outcome: { exitCode: 0 } });
    expect((await scene().namespace.workflow(runId)).spec?.['onExit']).toBeUndefined();
    expect(await exitStepPods(scene().namespace, runId)).toHaveLength(0);
  });

  it('carries a config full of template expressions and references, value for value', async () => {
    const texts = ['{{workflow.name}}', '{{=1+1}}', '{{', '{{{{', '}}', '{{inputs.parameters.none}}', '$(E2E_CONTROL)'];
    const more = [
      '$$(E2E_CONTROL)',
      '${HOME}',
      '$(RUNNER_OPEN_BRACE)',
      '\\u007b{',
      '"{{"',
      "{{'",
      '{\n{',
      '$',
      '%{{x}}',
    ];
    const config = {
      type: 'DatabaseMetadata',
      ...Object.fromEntries([...texts, ...more].map((text, index) => [`${text} ${index}`, text])),
    };
    const { runId, program } = await running({ sourceConfig: { config }, displayName: '{{workflow.uid}} $(HOME)' });
    const sent = JSON.parse((await program.environment())['config'] ?? '') as {
      readonly source?: { readonly sourceConfig?: { readonly config?: unknown } };
    };
    expect(sent.source?.sourceConfig?.config).toEqual(config);
    program.exit(0);
    expect(await seenEnd(runId)).toMatchObject({ state: 'succeeded', writtenBy: 'exitStep' });
  });

  it('is refused with the reason where its config is too large, as it stands or as it must be written', async () => {
    const sized = (text: string, times: number) =>
      scene().runner.pipeline({ sourceConfig: { config: { type: 'DatabaseMetadata', text: text.repeat(times) } } });
    const answer = await (await sized('x', 262_144)).ask('trigger');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(answer.body)).toMatch(/131,?064/);
    // Every second brace takes six bytes in a Workflow.
    const run = await world.ended(await (await sized('{', 100_000)).trigger());
    expect(run).toMatchObject({ state: 'refused', pipelineState: 'failed' });
    expect(JSON.stringify(run)).toMatch(/131,?064/);
  });

  it('that is deleted by hand is lost work, and said to be', async () => {
    const { runId } = await running();
    await scene().namespace.remove('Workflow', await workflowName(runId));
    // Lists of an Argo Server may be old: absence is believed at the look that comes a minute after the first.
    const run = await world.ended(runId, 2 * LONG_MS);
    expect(['lost', 'failed']).toContain(run.state);
    expect(run).toMatchObject({ pipelineState: 'failed', diagnosis: { category: 'lost' } });
    expect(world.control.executions(runId)).toBe(1);
  });

  it('whose pod is evicted fails, is not executed again, and its exit step runs', async () => {
    const { runId } = await running();
    // One that is gone before Argo has seen it run is made again.
    await eventually(
      'Argo has seen it run',
      async () => {
        const { metadata, status } = await scene().namespace.workflow(runId);
        const nodes = (status?.['nodes'] ?? {}) as Readonly<Record<string, { readonly phase?: string } | undefined>>;
        return nodes[metadata.name]?.phase === 'Running';
      },
      LONG_MS,
    );
    await scene().namespace.evict((await scene().namespace.pod(runId)).metadata.name);
    const run = await seenEnd(runId);
    expect(run).toMatchObject({ state: 'failed', pipelineState: 'failed' });
    const diagnosis = run.diagnosis ?? run.outcome?.['diagnosis'];
    // Argo Server tells no more than that the pod is gone.
    expect(diagnosis).toMatchObject({ category: transport === 'crd' ? 'evicted' : 'lost' });
    expect(['Failed', 'Error']).toContain(await exitStepOf(runId));
    expect(world.control.executions(runId)).toBe(1);
  });
});
