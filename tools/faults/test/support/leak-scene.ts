import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WORKFLOWS } from '@runner/executor-argo';
import { CONFIG_MAPS, EVENTS, JOBS, PODS, SECRETS } from '@runner/kube';
import type { Json } from '../../src/api.ts';
import type { Started } from '../../src/process.ts';
import type { JobsPlace } from './jobs-place.ts';
import { openJobsPlace } from './jobs-place.ts';
import { filesIn, storedRows } from './leak-places.ts';
import type { Place } from './leak-search.ts';
import type { RecordingProxy } from './recording-proxy.ts';
import { recordingProxy } from './recording-proxy.ts';
import type { Runner } from './runner.ts';
import type { World } from './world.ts';
import { openWorld } from './world.ts';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const NODE = [process.execPath, '--conditions=@runner/source', '--no-warnings'];
const COMMANDS = {
  leaky: [...NODE, source('leaky-program.ts')],
  quickstart: [...NODE, source('../../../../examples/quickstart/src/main.ts')],
} as const;

export type Workload = keyof typeof COMMANDS | 'jobs' | 'workflows';

export interface RunnerOfScene {
  readonly runner: Runner;
  readonly agent: Started;
}

/** The whole bridge, with everything that goes in or out of it written down. */
export interface LeakScene extends AsyncDisposable {
  readonly world: World;
  readonly place: JobsPlace;
  readonly proxy: RecordingProxy;
  /** A runner with its agent; local programs are of the given kind, `jobs` and `workflows` run in the cluster in memory. */
  runner(name: string, workload: Workload): Promise<RunnerOfScene>;
  /** The one of this name. */
  there(name: string): RunnerOfScene;
  /** A request whose answer, whatever it is, is looked through later. */
  ask(method: string, path: string, body?: unknown): Promise<Json>;
  /** The same with a body that is no JSON of ours. */
  send(method: string, path: string, text: string): Promise<void>;
  /** Something else that was seen. */
  saw(place: Place): void;
  /** TMPDIR of all processes. */
  readonly temporary: string;
  /** Everything there is to look through, as it is now. */
  places(): Promise<readonly Place[]>;
}

/** @param secrets files of the secrets manager, by name */
export async function openLeakScene(secrets: Readonly<Record<string, string>>): Promise<LeakScene> {
  const folder = await mkdtemp(join(tmpdir(), 'runner-leaks-'));
  const [secretsDir, temporary] = [join(folder, 'secrets'), join(folder, 'tmp')];
  for (const path of [secretsDir, temporary]) await mkdir(path, { mode: 0o700 });
  for (const [name, value] of Object.entries(secrets)) await writeFile(join(secretsDir, name), value, { mode: 0o600 });
  // The control plane tells workloads the proxy's address, so that comes first.
  const target: { world?: World } = {};
  const proxy = await recordingProxy(() => new URL(target.world?.server.url() ?? 'http://127.0.0.1:1'));
  const world = await openWorld({ PUBLIC_URL: proxy.url, LOG_LEVEL: 'debug', TMPDIR: temporary });
  target.world = world;
  const place = await openJobsPlace(world.root);
  const inCluster: Readonly<Record<Exclude<Workload, keyof typeof COMMANDS>, Readonly<Record<string, string>>>> = {
    jobs: { ...(await place.environment()), CONFIG_DELIVERY: 'auto' },
    workflows: await place.argoEnvironment(),
  };
  const seen: Place[] = [];
  const agents: RunnerOfScene[] = [];
  const answered = async (method: string, path: string, body?: string): Promise<string> => {
    const authorization = `Bearer ${await world.server.adminToken()}`;
    const response = await fetch(`${world.server.url()}/api/v1/${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
    });
    const content = `${JSON.stringify([...response.headers])}\n${await response.text()}`;
    seen.push({ name: `REST: ${method} ${path}`, content });
    return content;
  };
  const scene: LeakScene = {
    ...{ world, place, proxy, temporary },
    runner: async (name, workload) => {
      const runner = await world.runner(name);
      const agent = await runner.activeAgent({
        SERVER_URL: proxy.url.replace('http', 'ws'),
        LOG_LEVEL: 'debug',
        TMPDIR: temporary,
        ...(workload === 'jobs' || workload === 'workflows'
          ? inCluster[workload]
          : { SECRETS_FILE_DIR: secretsDir, INGESTION_COMMAND: JSON.stringify(COMMANDS[workload]) }),
      });
      agents.push({ runner, agent });
      return { runner, agent };
    },
    there: (name) => {
      const found = agents.find(({ runner }) => runner.name === name);
      if (found === undefined) throw new Error(`there is no runner ${name}`);
      return found;
    },
    ask: async (method, path, body) => {
      const content = await answered(method, path, body === undefined ? undefined : JSON.stringify(body));
      const text = content.slice(content.indexOf('\n') + 1);
      return text.startsWith('{') ? (JSON.parse(text) as Json) : {};
    },
    send: async (method, path, body) => {
      await answered(method, path, body);
    },
    saw: (what) => void seen.push(what),
    places: async () => [
      ...proxy.frames().map(({ from, text }) => ({ name: `frame from ${from}`, content: text })),
      ...proxy.requests().map((content) => ({ name: 'REST through the proxy', content })),
      ...seen,
      ...(await storedRows(world.server.dataDir)),
      { name: 'log: control plane', content: world.server.process().output() },
      ...agents.map(({ runner, agent }) => ({ name: `log: agent ${runner.name}`, content: agent.output() })),
      ...(await Promise.all(agents.map(metricsOf))),
      ...clusterPlaces(place),
      ...(await filesIn('folder', world.root, isKeptSecret)),
      ...(await filesIn('temporary files', temporary, () => false)),
    ],
    [Symbol.asyncDispose]: async () => {
      await world[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return scene;
}

/** Tokens that are given to their owner by a file of his own. */
const isKeptSecret = (path: string): boolean => /\/(admin-token|[\w-]+\.token|[\w-]+\.kubeconfig)$/.test(path);

async function metricsOf({ runner, agent }: RunnerOfScene): Promise<Place> {
  const opened = agent.lines.find((line) => line['endpoint'] === 'metrics');
  const response = await fetch(`http://127.0.0.1:${String(opened?.['port'])}/metrics`);
  return { name: `metrics: agent ${runner.name}`, content: await response.text() };
}

/** What stands in the cluster, and what it was asked. */
function clusterPlaces({ server }: JobsPlace): readonly Place[] {
  const standing = [
    ...server.objects(JOBS),
    ...server.objects(WORKFLOWS),
    ...server.objects(PODS),
    ...server.objects(EVENTS),
    ...server.objects(SECRETS),
    ...server.objects(CONFIG_MAPS),
  ];
  return [
    ...standing.map((object) => ({ name: `manifest: ${String(object.kind)}`, content: JSON.stringify(object) })),
    ...server.calls.map(({ verb, resource, path, body }) => ({
      name: `manifest: ${verb} ${resource}`,
      content: `${path}\n${JSON.stringify(body)}`,
    })),
  ];
}
