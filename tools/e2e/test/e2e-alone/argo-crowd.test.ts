import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '@runner/faults';
import type { ArgoTransport, ControlledProgram, Pipeline, Runner, TestNamespace, World } from '@runner/e2e';
import { ARGO_ACCOUNT, argoRules, argoServerUrl, openWorld } from '@runner/e2e';
import type { Call, CallCounter } from '../support/call-counter.ts';
import { callCounter } from '../support/call-counter.ts';

const RUNS = 100;
const ALL_WITHIN_MS = 480_000;

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Every fifth fails, each with a code of its own, so that outcomes cannot be mixed up unseen. */
const codeOf = (index: number): number => (index % 5 === 0 ? 10 + index / 5 : 0);

/** An exit step is a second pod with three containers, for which two cores have little time: every tenth run has one. */
const isApplication = (index: number): boolean => index % 20 > 1;

interface Scene {
  readonly namespace: TestNamespace;
  readonly runner: Runner;
  /** What the agent asks Argo for, or the API server in its place. */
  readonly calls: CallCounter;
}

async function scene(argo: ArgoTransport): Promise<Scene> {
  const name = `argo-crowd-${argo}`;
  const namespace = await world.namespace(name);
  const runner = await world.runner(name, {
    ...{ namespace, argo, rules: argoRules(argo) },
    env: { MAX_CONCURRENT_RUNS: String(RUNS), INGESTION_CPU_REQUEST: '1m', INGESTION_MEMORY_REQUEST: '8Mi' },
  });
  if (argo === 'server') {
    const calls = await callCounter(argoServerUrl());
    await runner.activeAgent({ PIPELINE_SERVICE_CLIENT_ENDPOINT: calls.server });
    return { namespace, runner, calls };
  }
  const calls = await callCounter(world.cluster.server, world.cluster.certificateAuthority);
  await runner.activeAgent({ KUBECONFIG: await kubeconfigThrough(calls, namespace) });
  return { namespace, runner, calls };
}

/** The kubeconfig of the agent with the counted door in place of the API server. */
async function kubeconfigThrough({ server }: CallCounter, { name }: TestNamespace): Promise<string> {
  const path = join(world.root, `${name}-${ARGO_ACCOUNT}.kubeconfig`);
  const known = JSON.parse(await readFile(path, 'utf8')) as { readonly clusters: readonly { readonly name: string }[] };
  const clusters = known.clusters.map((cluster) => ({ name: cluster.name, cluster: { server } }));
  await writeFile(`${path}.counted`, JSON.stringify({ ...known, clusters }), { mode: 0o600 });
  return `${path}.counted`;
}

const pipelineOf = ({ runner }: Scene, index: number): Promise<Pipeline> =>
  runner.pipeline(
    isApplication(index)
      ? {
          pipelineType: 'application',
          ingestionRunner: { type: 'ingestionRunner', name: runner.name },
          sourceConfig: { config: { type: 'Application', sourcePythonClass: 'test.Application' } },
        }
      : {},
  );

const CREATES: Readonly<Record<ArgoTransport, RegExp>> = {
  server: /^POST \/api\/v1\/workflows\/[^/]+$/,
  crd: /^POST \/apis\/argoproj\.io\/v1alpha1\/namespaces\/[^/]+\/workflows$/,
};
const WATCHES: Readonly<Record<ArgoTransport, RegExp>> = {
  server: /^GET \/api\/v1\/workflow-events\//,
  crd: /^GET \/apis\/argoproj\.io\/v1alpha1\/namespaces\/[^/]+\/workflows\?.*\bwatch=/,
};
const like =
  (pattern: RegExp) =>
  ({ method, url }: Call): boolean =>
    pattern.test(`${method} ${url}`);

/** One after the other: a hundred that ask all the time would leave the control plane no time for anything else. */
async function inTurn<T>(runIds: readonly string[], look: (runId: string) => Promise<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for (const runId of runIds) all.push(await look(runId));
  return all;
}

/** As the user interface asks for it; the key is that of the type of the pipeline. */
const logOf = (fqn: string, runId: string): Promise<unknown> =>
  eventually(`the log of ${runId} is stored`, async () => {
    const log = await world.api.call('GET', `services/ingestionPipelines/logs/${encodeURIComponent(fqn)}/${runId}`);
    const text = log['application_task'] ?? log['ingestion_task'];
    return text !== '' && text;
  });

it.each<ArgoTransport>(['server', 'crd'])(
  `${RUNS} Workflows at once over the transport %s are each executed once, and each has the end that is its own`,
  async (argo) => {
    const here = await scene(argo);
    await using calls = here.calls;
    const pipelines = await Promise.all(Array.from({ length: RUNS }, (_, index) => pipelineOf(here, index)));
    const runs = await Promise.all(pipelines.map((pipeline) => pipeline.trigger()));
    const names = await eventually(
      'all Workflows stand',
      async () => {
        const workflows = await here.namespace.list('Workflow');
        const byRun = new Map(
          workflows.map(({ metadata }) => [metadata.labels?.['app.kubernetes.io/run-id'], metadata.name]),
        );
        return byRun.size === RUNS && runs.map((runId) => String(byRun.get(runId)));
      },
      ALL_WITHIN_MS,
    );
    // Nobody ends before all are there. Applications are not told their run: their pod is called like their Workflow.
    const known = runs.map((runId, index) => (isApplication(index) ? String(names[index]) : runId));
    const obey = async (program: ControlledProgram, index: number): Promise<void> => {
      await program.print(`this is ${runs[index]}\n`);
      program.exit(codeOf(index));
    };
    await Promise.all(known.map(async (name, index) => obey(await world.control.program(name, ALL_WITHIN_MS), index)));
    const ended = await inTurn(runs, (runId) =>
      world.until(runId, 'its end was seen', ({ outcome }) => outcome !== undefined, ALL_WITHIN_MS),
    );
    expect(ended.map(({ state, outcome }) => [state, outcome?.exitCode])).toEqual(
      runs.map((_, index) => [codeOf(index) === 0 ? 'succeeded' : 'failed', codeOf(index)]),
    );
    expect(known.map((name) => world.control.executions(name))).toEqual(runs.map(() => 1));
    expect(await here.namespace.list('Workflow')).toHaveLength(RUNS);
    expect(calls.count(like(CREATES[argo]))).toBe(RUNS);
    expect(calls.mostAtOnce(like(WATCHES[argo]))).toBe(1);
    const logs = await inTurn(runs, (runId) => logOf(pipelines[runs.indexOf(runId)]?.fqn ?? '', runId));
    expect(logs).toEqual(runs.map((runId) => `this is ${runId}\n`));
  },
);
