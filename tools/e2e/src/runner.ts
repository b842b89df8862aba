import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer, Api, ControlPlane, Json, Started } from '@runner/faults';
import { eventually, startProgram } from '@runner/faults';
import type { ArgoTransport } from './argo.ts';
import { argoAccess, argoEnvironment } from './argo.ts';
import type { ControlServer } from './control.ts';
import { LONG_MS } from './control.ts';
import { WORKLOAD_IMAGE } from './image/name.ts';
import type { Rule, TestNamespace } from './namespace.ts';

export interface RunnerOptions {
  readonly namespace: TestNamespace;
  /** Rights of its agents. */
  readonly rules: readonly Rule[];
  /** Runs are Workflows, reached in this way, instead of Jobs. One such runner in a namespace: its account has a fixed name. */
  readonly argo?: ArgoTransport;
  /** Placement by pipeline type: SIMPLEK8S_PIPELINE_TYPE_CONFIGS or ARGO_PIPELINE_TYPE_CONFIGS. */
  readonly types?: Json;
  /** Other variables of its agents; they win over the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** More variables of its workloads, beside the way to the control server. */
  readonly workloads?: Readonly<Record<string, string>>;
  /** Connection of its service. */
  readonly connection?: Json;
}

export interface Pipeline {
  readonly id: string;
  readonly fqn: string;
  /** Triggers it and gives the id of the run. */
  trigger(): Promise<string>;
  /** The same, whatever the answer is. */
  ask(action: 'trigger' | 'kill' | 'deploy'): Promise<Answer>;
}

/** A runner of the control plane; agents with its id are started at will. */
export interface Runner {
  readonly name: string;
  readonly namespace: TestNamespace;
  readonly serviceId: string;
  /** Starts an agent; other variables win. */
  agent(env?: Readonly<Record<string, string>>): Started;
  /** Starts an agent and waits until it is the active one. */
  activeAgent(env?: Readonly<Record<string, string>>): Promise<Started>;
  /** Resolves when the instance of this agent has this role. */
  hasRole(agent: Started, role: 'active' | 'standby' | 'blocked'): Promise<void>;
  /** A pipeline of the service that uses this runner; of type metadata unless the fields say otherwise. */
  pipeline(fields?: Json): Promise<Pipeline>;
}

export interface RunnerParts {
  readonly root: string;
  readonly server: ControlPlane;
  readonly api: Api;
  readonly control: ControlServer;
  readonly remember: (agent: Started) => void;
}

/** Nothing answers there: programs of these tests do what the control server says instead. */
const NOWHERE = { type: 'Postgres', username: 'nobody', hostPort: '127.0.0.1:1', database: 'none' };

export async function createRunner(parts: RunnerParts, name: string, options: RunnerOptions): Promise<Runner> {
  const { root, api } = parts;
  const tokenFile = join(root, `${name}.token`);
  const made = await api.call('POST', 'ingestionRunners', { name });
  await writeFile(`${tokenFile}.new`, String(made['token']), { mode: 0o600 });
  await rename(`${tokenFile}.new`, tokenFile);
  const access = await accessOf(name, options, root);
  const service = await api.call('POST', 'services/databaseServices', {
    name: `service-of-${name}`,
    serviceType: 'Postgres',
    connection: { config: options.connection ?? NOWHERE },
    ingestionRunner: { type: 'ingestionRunner', name },
  });
  const serviceId = String(service['id']);
  const usual = agentEnvironment(parts, options, { name, tokenFile, access });
  const agent: Runner['agent'] = (env = {}) => {
    const started = startProgram('apps/agent/src/main.ts', { ...usual, ...env });
    parts.remember(started);
    return started;
  };
  const hasRole: Runner['hasRole'] = async (started, role) => {
    const { instanceId } = await started.line(/^agent /);
    await eventually(
      `the agent is ${role}`,
      async () => {
        if (started.end() !== undefined) throw new Error(`it ended with ${started.end()}:\n${started.output()}`);
        const { instances = [] } = (await api.call('GET', `ingestionRunners/name/${name}`)) as {
          instances?: readonly { readonly instanceId: string; readonly role: string }[];
        };
        return instances.some((instance) => instance.instanceId === instanceId && instance.role === role);
      },
      LONG_MS,
    );
  };
  let pipelines = 0;
  return {
    ...{ name, namespace: options.namespace, serviceId, agent, hasRole },
    activeAgent: async (env) => {
      const started = agent(env);
      await hasRole(started, 'active');
      return started;
    },
    pipeline: async (fields = {}) => {
      pipelines += 1;
      const body = await api.call('POST', 'services/ingestionPipelines', {
        name: `pipeline-${pipelines}`,
        pipelineType: 'metadata',
        service: { id: serviceId, type: 'databaseService' },
        sourceConfig: { config: { type: 'DatabaseMetadata' } },
        airflowConfig: {},
        ...fields,
      });
      return pipelineOf(api, body);
    },
  };
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

interface Account {
  readonly name: string;
  readonly tokenFile: string;
  /** How it reaches the cluster, or Argo. */
  readonly access: Readonly<Record<string, string>>;
}

async function accessOf(name: string, { namespace, rules, argo }: RunnerOptions, root: string) {
  if (argo !== undefined) return argoEnvironment(argo, await argoAccess(namespace, rules, root));
  return { EXECUTOR_TYPE: 'simpleK8s', KUBECONFIG: await namespace.account(name, rules, root) };
}

/** Workloads of the test's image with small requests, so that the node has room for many. */
function agentEnvironment(
  { server, control }: RunnerParts,
  { namespace, argo, types, env, workloads }: RunnerOptions,
  { name, tokenFile, access }: Account,
): Record<string, string> {
  const variables = { [control.variable.name]: control.variable.value, ...workloads };
  const extra = Object.entries(variables).map(([key, value]) => `${key}:${value}`);
  return {
    AGENT_ID: name,
    AUTH_TOKEN_FILE: tokenFile,
    SERVER_URL: server.url().replace(/^http/, 'ws'),
    ALLOW_INSECURE_TRANSPORT: 'true',
    RECONNECT_DELAY_SECONDS: '0.05',
    INGESTION_NAMESPACE: namespace.name,
    INGESTION_IMAGE: WORKLOAD_IMAGE,
    DYNAMIC_INGESTION_VERSION_ENABLED: 'false',
    INGESTION_CPU_REQUEST: '5m',
    INGESTION_MEMORY_REQUEST: '32Mi',
    INGESTION_CPU_LIMIT: '1',
    INGESTION_MEMORY_LIMIT: '256Mi',
    INGESTION_AUTOMATION_WORKFLOW_CPU_REQUEST: '5m',
    INGESTION_AUTOMATION_WORKFLOW_MEMORY_REQUEST: '32Mi',
    INGESTION_EXTRA_ENVS: `[${extra.join(',')}]`,
    INGESTION_POD_GRACE_SECONDS: '2',
    ...(types === undefined ? {} : { [typesVariable(argo)]: JSON.stringify(types) }),
    SECRETS_MANAGER: 'kubernetes',
    LISTEN_ADDRESS: '127.0.0.1',
    HEALTH_PORT: '0',
    METRICS_SERVER_PORT: '0',
    ...access,
    ...env,
  };
}

const typesVariable = (argo: ArgoTransport | undefined): string =>
  argo === undefined ? 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS' : 'ARGO_PIPELINE_TYPE_CONFIGS';
