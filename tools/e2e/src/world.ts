import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api, ControlPlane, Json, Started } from '@runner/faults';
import { controlPlane, createApi, eventually } from '@runner/faults';
import type { Cluster } from './cluster.ts';
import { openCluster } from './cluster.ts';
import type { ControlServer } from './control.ts';
import { LONG_MS, controlServer } from './control.ts';
import { hostForPods } from './host.ts';
import type { TestNamespace } from './namespace.ts';
import { createNamespace } from './namespace.ts';
import type { Runner, RunnerOptions } from './runner.ts';
import { createRunner } from './runner.ts';

/** A diagnosis as REST shows it. */
export interface ShownDiagnosis {
  readonly category: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly permanent: boolean;
}

/** A run as `runs/{runId}` shows it. */
export interface Run extends Json {
  readonly state: string;
  readonly pipelineState: string;
  readonly writtenBy: string;
  readonly diagnosis?: ShownDiagnosis;
  readonly outcome?: Json & { readonly result: string; readonly exitCode?: number; readonly logTail?: string };
}

/** A control plane that pods can reach, power over their programs, and the cluster. One for each test file. */
export interface World extends AsyncDisposable {
  /** A folder of its own. */
  readonly root: string;
  readonly cluster: Cluster;
  readonly server: ControlPlane;
  readonly api: Api;
  readonly control: ControlServer;
  namespace(purpose: string, labels?: Readonly<Record<string, string>>): Promise<TestNamespace>;
  /** A runner with a service and an account of its own; agents of it are started at will. */
  runner(name: string, options: RunnerOptions): Promise<Runner>;
  run(runId: string): Promise<Run>;
  /** The run once it is as `accept` says; fails with how it is instead. */
  until(runId: string, what: string, accept: (run: Run) => boolean, withinMs?: number): Promise<Run>;
  inState(runId: string, ...states: readonly string[]): Promise<Run>;
  /** The run once it has ended in any way. */
  ended(runId: string, withinMs?: number): Promise<Run>;
}

const CLOSED: ReadonlySet<string> = new Set([
  'succeeded',
  'partiallySucceeded',
  'failed',
  'cancelled',
  'refused',
  'lost',
]);

/** The kubeconfig of the tests. @throws without one */
export function kubeconfigOfTests(): string {
  const path = process.env['KUBECONFIG'] ?? '';
  if (path === '') throw new Error('KUBECONFIG names no cluster; npm run test:e2e says how to get one');
  return path;
}

export async function openWorld(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const cluster = openCluster(kubeconfigOfTests());
  const host = await hostForPods(process.env);
  const root = await mkdtemp(join(tmpdir(), 'runner-e2e-'));
  const explain = async (runId: string): Promise<string> => `it is ${await shownRun(api, cluster, runId)}`;
  const control = await controlServer({ host, explain });
  const server = controlPlane(join(root, 'control-plane'), { HOST: host, ...env });
  const api = createApi(
    () => server.url(),
    () => server.adminToken(),
  );
  const agents: Started[] = [];
  const namespaces: TestNamespace[] = [];
  await server.start();
  const run: World['run'] = async (runId) => (await api.call('GET', `runs/${runId}`)) as Run;
  const until: World['until'] = async (runId, what, accept, withinMs = LONG_MS) => {
    let last = 'unknown';
    const look = async (): Promise<Run | undefined> => {
      const found = await run(runId);
      last = JSON.stringify(found);
      return accept(found) ? found : undefined;
    };
    return await eventually(what, look, withinMs).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${last}`, { cause: error });
    });
  };
  return {
    ...{ root, cluster, server, api, control, run, until },
    namespace: async (purpose, labels) => {
      const made = await createNamespace(cluster, purpose, labels);
      namespaces.push(made);
      return made;
    },
    runner: (name, options) =>
      createRunner({ root, server, api, control, remember: (agent) => agents.push(agent) }, name, options),
    inState: (runId, ...states) =>
      until(runId, `the run is ${states.join(' or ')}`, ({ state }) => states.includes(state)),
    ended: (runId, withinMs) => until(runId, 'the run has ended', ({ state }) => CLOSED.has(state), withinMs),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(agents.map((agent) => agent.kill('SIGKILL')));
      await control[Symbol.asyncDispose]();
      await Promise.all(namespaces.map((namespace) => namespace[Symbol.asyncDispose]()));
      await server.stop('SIGTERM');
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** How the control plane shows a run, and what pods it has; the name of an automation is no run of its own. */
async function shownRun(api: Api, cluster: Cluster, runId: string): Promise<string> {
  const [run, pods] = await Promise.all([
    api.ask('GET', `runs/${encodeURIComponent(runId)}`),
    cluster.list('Pod', undefined, `app.kubernetes.io/run-id=${runId}`),
  ]);
  return JSON.stringify({
    run: run.body,
    pods: pods.map(({ spec, status }) => ({ node: spec?.['nodeName'], status })),
  });
}
