import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { Client } from './client.ts';
import { createClient, objectIn } from './client.ts';
import type { DemoFolder } from './folder.ts';
import { REPOSITORY, writeSecret } from './folder.ts';
import type { Processes, StartedProcess } from './processes.ts';
import { waitFor } from './waiting.ts';

/** What every program needs of our environment to start at all. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ'] as const;
/** Name of the runner, in the list of ingestion runners. */
export const RUNNER = 'demo-runner';

const START_WITHIN_MS = 90_000;
const CONNECT_WITHIN_MS = 60_000;

export interface Surroundings {
  readonly folder: DemoFolder;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

function basicEnvironment(env: Surroundings['env']): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

export interface RunningControlPlane {
  readonly process: StartedProcess;
  readonly client: Client;
}

/** Starts the control plane with its own embedded PostgreSQL and waits until it answers at this address. */
export async function startControlPlane(surroundings: Surroundings, host = '127.0.0.1'): Promise<RunningControlPlane> {
  const { folder, processes, clock, signal, env } = surroundings;
  const address = join(folder.controlPlane, 'address.json');
  // That of the last start would be believed.
  await rm(address, { force: true });
  const started = await processes.start({
    name: 'control-plane',
    source: 'apps/control-plane/src/main.ts',
    env: { ...basicEnvironment(env), HOST: host, PORT: '0', DATA_DIR: folder.controlPlane },
  });
  try {
    const url = await waitFor(() => urlIn(address), {
      what: 'the start of the control plane',
      withinMs: START_WITHIN_MS,
      clock,
      signal,
      processes: [started],
    });
    const token = await adminToken(join(folder.controlPlane, 'admin-token'));
    return { process: started, client: createClient(url, token, signal) };
  } catch (error) {
    await started.stop();
    throw error;
  }
}

async function adminToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new RunnerError('demo_state', `the admin token in ${path} cannot be read`, {
      cause: error,
      hint: 'it is made at the first start only; delete the whole folder of the demo to begin anew',
    });
  }
}

async function urlIn(path: string): Promise<string | undefined> {
  try {
    const { url } = objectIn(JSON.parse(await readFile(path, 'utf8')));
    return typeof url === 'string' ? url : undefined;
  } catch {
    // Not there yet, or being written.
    return undefined;
  }
}

/** For the agent: runs are processes of this machine, the quickstart is their program, secrets are files. */
export function localExecutor(folder: DemoFolder): Record<string, string> {
  const ingestion = [
    process.execPath,
    '--conditions=@runner/source',
    '--disable-warning=ExperimentalWarning',
    join(REPOSITORY, 'examples/quickstart/src/main.ts'),
  ];
  return {
    EXECUTOR_TYPE: 'local',
    LOCAL_EXECUTOR_DIR: folder.runs,
    INGESTION_COMMAND: JSON.stringify(ingestion),
    INGESTION_EXTRA_ENVS: `[CATALOGUE_FILE:${folder.catalogue}]`,
    SECRETS_MANAGER: 'file',
    SECRETS_FILE_DIR: folder.secrets,
  };
}

/** Starts the agent with this executor and waits until it is connected. */
export async function startAgent(
  surroundings: Surroundings,
  { client, process: server }: RunningControlPlane,
  executor: Readonly<Record<string, string>>,
): Promise<StartedProcess> {
  const { folder, processes, clock, signal, env } = surroundings;
  await writeSecret(folder.runnerToken, await runnerToken(client));
  const started = await processes.start({
    name: 'agent',
    source: 'apps/agent/src/main.ts',
    env: {
      ...basicEnvironment(env),
      AGENT_ID: RUNNER,
      AUTH_TOKEN_FILE: folder.runnerToken,
      SERVER_URL: client.url.replace(/^http/, 'ws'),
      SERVER_HOST_API_URL: `${client.url}/api`,
      METRICS_SERVER_PORT: '0',
      HEALTH_PORT: '0',
      ...executor,
    },
  });
  try {
    await waitFor(() => isConnected(client), {
      what: 'the connection of the agent',
      withinMs: CONNECT_WITHIN_MS,
      clock,
      signal,
      processes: [started, server],
    });
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}

/** A fresh token for the runner of the demo, which is made when it does not exist; older tokens are good no longer. */
async function runnerToken(client: Client): Promise<string> {
  const { data } = await client.call('GET', 'ingestionRunners');
  const standing = (Array.isArray(data) ? data : []).map(objectIn).find(({ name }) => name === RUNNER);
  const { token } =
    standing === undefined
      ? await client.call('POST', 'ingestionRunners', { name: RUNNER, description: 'The runner of npm start' })
      : await client.call('POST', `ingestionRunners/${String(standing['id'])}/rotate-token`);
  return String(token);
}

/** Whether an instance holds a session now; the status alone may still speak of the last start. */
async function isConnected(client: Client): Promise<true | undefined> {
  const { instances } = await client.call('GET', `ingestionRunners/name/${RUNNER}`);
  const roles = (Array.isArray(instances) ? instances : []).map((instance) => objectIn(instance)['role']);
  return roles.includes('active') ? true : undefined;
}
