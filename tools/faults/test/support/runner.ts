import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer, Api, Json } from '../../src/api.ts';
import type { ControlPlane } from '../../src/control-plane.ts';
import type { Started } from '../../src/process.ts';
import { startProgram } from '../../src/process.ts';
import { eventually } from '../../src/waiting.ts';
import type { Workloads } from './workloads.ts';

export interface Pipeline {
  readonly id: string;
  readonly fqn: string;
  /** Triggers it and gives the id of the run. */
  trigger(): Promise<string>;
  /** The same, whatever the answer is. */
  ask(action: 'trigger' | 'kill' | 'deploy'): Promise<Answer>;
}

interface AgentInstance {
  readonly instanceId: string;
  readonly role: string;
}

/** A runner of the control plane; agents with its id are started at will. */
export interface Runner {
  readonly name: string;
  readonly id: string;
  readonly tokenFile: string;
  /** Its entry in the list of runners. */
  entry(): Promise<Json & { readonly status: string; readonly instances?: readonly AgentInstance[] }>;
  putToken(token: string): Promise<void>;
  /** A new token; the old ones are refused from then on. */
  newToken(): Promise<string>;
  /** Starts an agent; other variables win over the usual ones. */
  agent(env?: Readonly<Record<string, string>>): Started;
  /** Starts an agent and waits until it is the active one. */
  activeAgent(env?: Readonly<Record<string, string>>): Promise<Started>;
  /** Resolves when the instance of this agent has this role. */
  hasRole(agent: Started, role: 'active' | 'standby' | 'blocked'): Promise<void>;
  /** A pipeline of the service that uses this runner. */
  pipeline(fields?: Json): Promise<Pipeline>;
  /** The answer to the creation of such a pipeline, whatever it is. */
  askForPipeline(fields: Json): Promise<Answer>;
}

export interface RunnerParts {
  readonly root: string;
  readonly server: ControlPlane;
  readonly api: Api;
  readonly workloads: Workloads;
  readonly remember: (agent: Started) => void;
}

export async function createRunner(parts: RunnerParts, name: string): Promise<Runner> {
  const { root, api } = parts;
  const tokenFile = join(root, `${name}.token`);
  const putToken = async (token: string): Promise<void> => {
    await writeFile(`${tokenFile}.new`, token, { mode: 0o600 });
    await rename(`${tokenFile}.new`, tokenFile);
  };
  const made = await api.call('POST', 'ingestionRunners', { name });
  await putToken(String(made['token']));
  const { id } = made['runner'] as { id: string };
  const serviceId = await createService(api, name);
  const entry: Runner['entry'] = async () =>
    (await api.call('GET', `ingestionRunners/name/${name}`)) as Awaited<ReturnType<Runner['entry']>>;
  const agent: Runner['agent'] = (env = {}) => {
    const started = startProgram('apps/agent/src/main.ts', { ...usual(parts, name, tokenFile), ...env });
    parts.remember(started);
    return started;
  };
  const hasRole: Runner['hasRole'] = async (started, role) => {
    const { instanceId } = await started.line(/^agent /);
    await eventually(`the agent is ${role}`, async () => {
      if (started.end() !== undefined) throw new Error(`it ended with ${started.end()}:\n${started.output()}`);
      const { instances = [] } = await entry();
      return instances.some((instance) => instance.instanceId === instanceId && instance.role === role);
    });
  };
  let pipelines = 0;
  const askForPipeline: Runner['askForPipeline'] = (fields) => {
    pipelines += 1;
    return api.ask('POST', 'services/ingestionPipelines', {
      name: `pipeline-${pipelines}`,
      pipelineType: 'metadata',
      service: { id: serviceId, type: 'databaseService' },
      sourceConfig: { config: { type: 'DatabaseMetadata' } },
      airflowConfig: {},
      ...fields,
    });
  };
  return {
    ...{ name, id, tokenFile, entry, putToken, agent, hasRole, askForPipeline },
    newToken: async () => String((await api.call('POST', `ingestionRunners/${id}/rotate-token`))['token']),
    activeAgent: async (env) => {
      const started = agent(env);
      await hasRole(started, 'active');
      return started;
    },
    pipeline: async (fields = {}) => {
      const { status, body } = await askForPipeline(fields);
      if (status !== 201) throw new Error(`the pipeline was answered ${status}: ${JSON.stringify(body)}`);
      return pipelineOf(api, body);
    },
  };
}

async function createService(api: Api, runner: string): Promise<string> {
  const service = await api.call('POST', 'services/databaseServices', {
    name: `service-of-${runner}`,
    serviceType: 'Postgres',
    connection: { config: { type: 'Postgres', username: 'nobody', hostPort: '127.0.0.1:1', database: 'none' } },
    ingestionRunner: { type: 'ingestionRunner', name: runner },
  });
  return String(service['id']);
}

function pipelineOf(api: Api, body: Json): Pipeline {
  const id = String(body['id']);
  return {
    id,
    fqn: String(body['fullyQualifiedName']),
    trigger: async () => String((await api.call('POST', `services/ingestionPipelines/trigger/${id}`))['runId']),
    ask: (action) => api.ask('POST', `services/ingestionPipelines/${action}/${id}`),
  };
}

/** The agent's environment: local executor, a folder for the runner, short waits between connections. */
function usual({ root, server, workloads }: RunnerParts, name: string, tokenFile: string): Record<string, string> {
  return {
    AGENT_ID: name,
    AUTH_TOKEN_FILE: tokenFile,
    SERVER_URL: server.url().replace(/^http/, 'ws'),
    RECONNECT_DELAY_SECONDS: '0.05',
    EXECUTOR_TYPE: 'local',
    LOCAL_EXECUTOR_DIR: join(root, `runs-of-${name}`),
    INGESTION_COMMAND: JSON.stringify(workloads.command),
    LISTEN_ADDRESS: '127.0.0.1',
    HEALTH_PORT: '0',
    METRICS_SERVER_PORT: '0',
  };
}
