import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '@runner/faults';
import type { ArgoTransport, Rule, Run, Runner, TestNamespace, World } from '@runner/e2e';
import { ARGO_ACCOUNT, LONG_MS, argoRules, argoServerUrl, openWorld } from '@runner/e2e';

const TRANSPORTS = ['server', 'crd'] as const;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

interface Scene {
  readonly namespace: TestNamespace;
  readonly runner: Runner;
}

async function scene(purpose: string, argo: ArgoTransport, rules: readonly Rule[] = argoRules(argo)): Promise<Scene> {
  const namespace = await world.namespace(`argo-${purpose}`);
  return { namespace, runner: await world.runner(`argo-${purpose}-${argo}`, { namespace, argo, rules }) };
}

const seenEnd = (runId: string): Promise<Run> =>
  world.until(runId, 'the end was seen', ({ outcome }) => outcome !== undefined);
const workflowsOf = ({ namespace }: Scene, runId: string) =>
  namespace.list('Workflow', `app.kubernetes.io/run-id=${runId}`);

describe.concurrent.each(TRANSPORTS)(
  'an agent without the right to create Workflows, over the transport %s',
  (argo) => {
    it('says so where the run waits, and goes on when it gets the right', async () => {
      const rules = argoRules(argo).map(({ verbs, ...rule }) => ({
        ...rule,
        verbs: verbs.filter((verb) => verb !== 'create'),
      }));
      const { namespace, runner } = await scene(
        'forbidden',
        argo,
        rules.filter(({ verbs }) => verbs.length > 0),
      );
      const agent = await runner.activeAgent();
      if (argo === 'crd') await agent.line(/may not create workflows\.argoproj\.io/);
      const runId = await (await runner.pipeline()).trigger();
      const run = await world.until(runId, 'it says why it waits', ({ diagnosis }) => diagnosis !== undefined);
      expect(run).toMatchObject({ state: 'queued', diagnosis: { permanent: false } });
      expect(run.diagnosis?.message).toMatch(/workflows/i);
      expect(JSON.stringify(run)).toMatch(/forbidden|may not|not allowed/i);
      await namespace.allow(ARGO_ACCOUNT, 'late', argoRules(argo));
      (await world.control.program(runId)).exit(0);
      expect(await seenEnd(runId)).toMatchObject({ state: 'succeeded' });
      expect(world.control.executions(runId)).toBe(1);
    });
  },
);

describe.concurrent('a token for Argo Server', () => {
  it('that counts no more is told in words; the next one in its file is taken, and nothing is lost', async () => {
    const { namespace, runner } = await scene('rotated', 'server');
    const folder = await mkdtemp(join(world.root, 'rotated-'));
    const file = join(folder, 'token');
    const token = async (secret: string): Promise<string> => {
      const bound = await namespace.create('Secret', { metadata: { name: secret } });
      const text = await world.cluster.token(namespace.name, ARGO_ACCOUNT, bound);
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
      return text;
    };
    const first = await token('first');
    const agent = await runner.activeAgent({ ARGO_TOKEN_FILE: file });
    const before = await (await runner.pipeline()).trigger();
    const program = await world.control.program(before);
    await world.inState(before, 'running');
    // A token counts as long as what it is bound to is there.
    await namespace.remove('Secret', 'first');
    const headers = { authorization: `Bearer ${first}` };
    const workflows = `${argoServerUrl()}/api/v1/workflows/${namespace.name}`;
    await eventually('it counts no more', async () => (await fetch(workflows, { headers })).status === 401, LONG_MS);
    const pipeline = await runner.pipeline();
    const waiting = await pipeline.trigger();
    const run = await world.until(waiting, 'it says why it waits', ({ diagnosis }) => diagnosis !== undefined);
    expect(run).toMatchObject({ state: 'queued', diagnosis: { permanent: false } });
    expect(JSON.stringify(run)).toMatch(/token|unauthor/i);
    expect(await world.run(before)).toMatchObject({ state: 'running' });
    program.exit(3);
    await token('second');
    (await world.control.program(waiting)).exit(0);
    expect(await seenEnd(waiting)).toMatchObject({ state: 'succeeded' });
    expect(await seenEnd(before)).toMatchObject({ state: 'failed', outcome: { exitCode: 3 } });
    for (const runId of [before, waiting]) expect(world.control.executions(runId)).toBe(1);
    expect(agent.end()).toBeUndefined();
  });
});

describe.concurrent.each([
  ['crd', 'before_submit'],
  ['server', 'after_submit'],
  ['crd', 'after_accepted'],
  ['server', 'after_end'],
  ['crd', 'observed_end'],
  ['server', 'before_report_end'],
] as const)('an agent with Workflows over the transport %s that is killed at %s', (argo, point) => {
  it('leaves one Workflow, one execution and the outcome that it had', async () => {
    const made = await scene(`dies-${point.replaceAll('_', '-')}`, argo);
    const doomed = await made.runner.activeAgent({ NODE_ENV: 'test', RUNNER_FAULT_POINT: point });
    const pipeline = await made.runner.pipeline();
    const runId = await pipeline.trigger();
    const isLate = point.endsWith('_end');
    if (isLate) {
      const program = await world.control.program(runId);
      await world.inState(runId, 'running');
      if (point === 'after_end') await pipeline.ask('kill');
      else program.exit(9);
    }
    expect(await doomed.ended).toBe('SIGKILL');
    await made.runner.activeAgent();
    if (!isLate) (await world.control.program(runId)).exit(9);
    const run = await seenEnd(runId);
    if (point === 'after_end') expect(run).toMatchObject({ state: 'cancelled', pipelineState: 'failed' });
    else expect(run).toMatchObject({ state: 'failed', outcome: { exitCode: 9 } });
    expect(world.control.executions(runId)).toBe(1);
    expect(await workflowsOf(made, runId)).toHaveLength(1);
  });
});

describe.concurrent.each(TRANSPORTS)('an agent that is replaced, over the transport %s', (argo) => {
  it('leaves its work to the next one, and everybody else alone; records go when their time is over', async () => {
    const made = await scene('replaced', argo);
    const { namespace, runner } = made;
    const first = await runner.activeAgent({ ARGO_SECONDS_AFTER_COMPLETION_TTL: '45' });
    const pipelines = await Promise.all([runner.pipeline(), runner.pipeline()]);
    const [ends, goesOn] = await Promise.all([pipelines[0].trigger(), pipelines[1].trigger()]);
    const programs = await Promise.all([ends, goesOn].map((runId) => world.control.program(runId)));
    await Promise.all([ends, goesOn].map((runId) => world.inState(runId, 'running')));
    const strangers = await strangersLike(namespace, goesOn);

    await first.kill('SIGTERM');
    programs[0]?.exit(7);
    await runner.activeAgent({ ARGO_SECONDS_AFTER_COMPLETION_TTL: '45' });
    expect(await seenEnd(ends)).toMatchObject({ state: 'failed', outcome: { exitCode: 7 } });
    expect(await world.run(goesOn)).toMatchObject({ state: 'running' });
    await pipelines[1].ask('kill');
    expect(await seenEnd(goesOn)).toMatchObject({ state: 'cancelled' });

    await eventually(
      'Argo has collected both',
      async () => (await Promise.all([ends, goesOn].map((runId) => workflowsOf(made, runId)))).flat().length === 1,
      LONG_MS,
    );
    expect(await world.run(ends)).toMatchObject({ state: 'failed', outcome: { exitCode: 7 } });
    expect(await world.run(goesOn)).toMatchObject({ state: 'cancelled' });
    for (const name of strangers) {
      const stranger = await namespace.find('Workflow', name);
      expect(stranger).toMatchObject({ metadata: { name }, spec: { suspend: true } });
      expect([stranger?.spec?.['shutdown'], stranger?.metadata.deletionTimestamp]).toEqual([undefined, undefined]);
    }
    for (const runId of [ends, goesOn]) expect(world.control.executions(runId)).toBe(1);
  });

  /** Workflows of somebody unknown, and of another agent for the same run. They are held back, so nothing of them runs. */
  async function strangersLike(namespace: TestNamespace, runId: string): Promise<readonly string[]> {
    const { metadata, spec } = await namespace.workflow(runId);
    const labels = { ...metadata.labels, 'hybrid-ingestion-runner/agent': 'another-agent' };
    const suspended = { ...spec, suspend: true };
    await namespace.create('Workflow', { metadata: { name: 'unknown' }, spec: suspended });
    await namespace.create('Workflow', { metadata: { name: 'of-another-agent', labels }, spec: suspended });
    return ['unknown', 'of-another-agent'];
  }
});
