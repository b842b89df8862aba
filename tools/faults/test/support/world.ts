import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api, Json } from '../../src/api.ts';
import { createApi } from '../../src/api.ts';
import type { ControlPlane } from '../../src/control-plane.ts';
import { controlPlane } from '../../src/control-plane.ts';
import { processesNaming } from './left-behind.ts';
import type { Started } from '../../src/process.ts';
import type { Runner } from './runner.ts';
import { createRunner } from './runner.ts';
import { eventually } from '../../src/waiting.ts';
import type { Workloads } from './workloads.ts';
import { createWorkloads } from './workloads.ts';

/** How a run ended, or where it stands: the answer of `runs/{runId}`. */
export interface Run extends Json {
  readonly state: string;
  readonly pipelineState: string;
}

/** A control plane with what belongs to it. One for each test file; each test has runners of its own. */
export interface World extends AsyncDisposable {
  readonly root: string;
  readonly server: ControlPlane;
  readonly api: Api;
  readonly workloads: Workloads;
  /** A runner, its token in a file, a service that uses it. */
  runner(name: string): Promise<Runner>;
  run(runId: string): Promise<Run>;
  /** The run once it stands in one of these states. */
  inState(runId: string, ...states: readonly string[]): Promise<Run>;
  /** The run once it has ended in any way. */
  ended(runId: string): Promise<Run>;
}

const CLOSED = ['succeeded', 'partiallySucceeded', 'failed', 'cancelled', 'refused', 'lost'] as const;
const LONG_MS = 60_000;

export async function openWorld(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const root = await mkdtemp(join(tmpdir(), 'runner-faults-'));
  const server = controlPlane(join(root, 'control-plane'), env);
  const workloads = await createWorkloads(join(root, 'programs'));
  const agents: Started[] = [];
  const api = createApi(
    () => server.url(),
    () => server.adminToken(),
  );
  await server.start();
  const run = async (runId: string): Promise<Run> => (await api.call('GET', `runs/${runId}`)) as Run;
  const inState = async (runId: string, ...states: readonly string[]): Promise<Run> => {
    let last = 'unknown';
    const look = async (): Promise<Run | undefined> => {
      const found = await run(runId);
      last = JSON.stringify(found);
      return states.includes(found.state) ? found : undefined;
    };
    return eventually(`the run is ${states.join(' or ')}`, look, LONG_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${last}`);
    });
  };
  return {
    root,
    server,
    api,
    workloads,
    runner: (name) => createRunner({ root, server, api, workloads, remember: (agent) => agents.push(agent) }, name),
    run,
    inState,
    ended: (runId) => inState(runId, ...CLOSED),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(agents.map((agent) => agent.kill('SIGKILL')));
      await workloads.close();
      await server.stop('SIGTERM');
      let left: readonly string[] = [];
      await eventually('no process is left behind', async () => {
        left = await processesNaming(root);
        return left.length === 0;
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${left.join('\n')}`);
      });
      await rm(root, { recursive: true, force: true });
    },
  };
}
