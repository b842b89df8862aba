import type { ControlServer, Run, World } from '@runner/e2e';
import { LONG_MS, hostForPods, openWorld } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { stagedAgentChart } from '../../src/index.ts';
import type { ChartNamespace } from './cluster.ts';
import { chartNamespace, kubectlCommand, succeed } from './cluster.ts';
import type { Ecr } from './ecr.ts';
import { ecrServer } from './ecr.ts';
import type { Front } from './front.ts';
import { tlsFront } from './front.ts';
import type { Release } from './release.ts';
import { release } from './release.ts';
import { overlaid } from './values-tree.ts';

/** What a company has before it installs: a control plane behind TLS of its own authority, a bot's token, a registry. */
export interface Deployment extends AsyncDisposable {
  readonly world: World;
  /** Address of this machine as pods reach it. */
  readonly host: string;
  readonly front: Front;
  readonly ecr: Ecr;
  /** A namespace of the level `restricted`, with the ConfigMap and the Secret that the values name. */
  namespace(purpose: string, labels?: readonly string[]): Promise<ChartNamespace>;
  /** Values as they are written after the documents; `more` is laid over them. */
  values(agentId: string, more?: object): object;
  release(name: string, namespace: ChartNamespace): Release;
  runner(agentId: string): Promise<ShownRunner | undefined>;
  /** The runner as soon as the control plane calls it Active. */
  active(agentId: string): Promise<ShownRunner>;
  /** A service on this runner. */
  service(agentId: string, connection?: object): Promise<Service>;
}

export interface ShownRunner {
  readonly status: string;
  readonly instances?: readonly { readonly instanceId: string; readonly role: string }[];
}

export interface Service {
  /** Triggers a new pipeline of the service; the id of the run. */
  trigger(type?: string): Promise<string>;
  /** The log of a run that the service's pipelines had, as REST shows it. */
  log(runId: string): Promise<string>;
}

/** They stand for the images of a release: those that `npm run images` puts onto the nodes. */
export const AGENT_IMAGE = { repository: 'docker.io/runner/agent', tag: 'dev' };
const NOWHERE = { type: 'Postgres', username: 'nobody', hostPort: '127.0.0.1:1', database: 'none' };

/** What can fail later is disposed of by the caller; one for each test file. */
export async function openDeployment(): Promise<Deployment> {
  const world = await openWorld();
  const host = await hostForPods(process.env);
  const inside = new URL(world.server.url());
  const front = await tlsFront(host, () => [{ host: inside.hostname, port: Number(inside.port) }]);
  const ecr = await ecrServer(host);
  const staged = await stagedAgentChart();
  const bot = await world.api.call('POST', 'tokens', { role: 'bot', subject: 'ingestion-bot' });
  const namespaces: ChartNamespace[] = [];
  const runner: Deployment['runner'] = async (agentId) => {
    const { status, body } = await world.api.ask('GET', `ingestionRunners/name/${agentId}`);
    return status === 200 ? (body as unknown as ShownRunner) : undefined;
  };
  return {
    ...{ world, host, front, ecr, runner },
    namespace: async (purpose, labels = ['pod-security.kubernetes.io/enforce=restricted']) => {
      const namespace = await chartNamespace(purpose);
      namespaces.push(namespace);
      await furnish(namespace, front, ecr, labels);
      return namespace;
    },
    values: (agentId, more = {}) =>
      overlaid(usual({ agentId, token: String(bot['token']), address: front.address, control: world.control }), more),
    release: (name, namespace) => release(name, staged.folder, namespace.name),
    active: async (agentId) =>
      await eventually(
        `the runner ${agentId} is Active`,
        async () => {
          const shown = await runner(agentId);
          return shown?.status === 'Active' ? shown : undefined;
        },
        LONG_MS,
      ),
    service: (agentId, connection = NOWHERE) => serviceOn(world, agentId, connection),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(namespaces.map((namespace) => namespace[Symbol.asyncDispose]()));
      await staged[Symbol.asyncDispose]();
      await ecr[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

interface Usual {
  readonly agentId: string;
  readonly token: string;
  readonly address: string;
  readonly control: ControlServer;
}

/** Small requests, so that the node has room for all that is tested at once. */
function usual({ agentId, token, address, control }: Usual): object {
  return {
    image: AGENT_IMAGE,
    config: {
      agentId,
      authToken: token,
      serverHost: address,
      secretsManager: 'kubernetes',
      dynamicIngestionVersionEnabled: false,
      ingestionPods: {
        repository: 'docker.io/runner/workload',
        tag: 1,
        extraEnvs: `${control.variable.name}:${control.variable.value}`,
        resources: { requests: { cpu: '5m', memory: '32Mi' }, limits: { cpu: '1', memory: '256Mi' } },
      },
    },
    privateCA: { configMap: 'corporate-ca' },
    ecrRegistryHelper: { collateCredentials: { secretRef: 'registry-keys' } },
  };
}

async function furnish(namespace: ChartNamespace, front: Front, ecr: Ecr, labels: readonly string[]): Promise<void> {
  const { name } = namespace;
  if (labels.length > 0) await succeed(kubectlCommand(['label', 'namespace', name, '--overwrite', ...labels]));
  const ca = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'corporate-ca' },
    data: { 'ca.crt': front.authority },
  };
  const keys = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'registry-keys' },
    stringData: {
      AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
      AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
      AWS_ACCOUNT: '118146679784',
      // ECR as it stands in this test.
      AWS_ENDPOINT_URL_ECR: ecr.url,
    },
  };
  const list = { apiVersion: 'v1', kind: 'List', items: [ca, keys] };
  await succeed(kubectlCommand(['create', '--namespace', name, '--filename', '-'], JSON.stringify(list)));
}

async function serviceOn(world: World, agentId: string, connection: object): Promise<Service> {
  const service = await world.api.call('POST', 'services/databaseServices', {
    name: `service-of-${agentId}`,
    serviceType: 'Postgres',
    connection: { config: connection },
    ingestionRunner: { type: 'ingestionRunner', name: agentId },
  });
  const names = new Map<string, string>();
  return {
    trigger: async (type = 'metadata') => {
      const pipeline = await world.api.call('POST', 'services/ingestionPipelines', {
        name: `pipeline-${names.size + 1}`,
        pipelineType: type,
        service: { id: service['id'], type: 'databaseService' },
        sourceConfig: { config: { type: 'DatabaseMetadata' } },
        airflowConfig: {},
      });
      const path = `services/ingestionPipelines/trigger/${String(pipeline['id'])}`;
      const runId = String((await world.api.call('POST', path))['runId']);
      names.set(runId, String(pipeline['fullyQualifiedName']));
      return runId;
    },
    log: async (runId) => {
      const fqn = encodeURIComponent(names.get(runId) ?? '');
      return String(
        (await world.api.call('GET', `services/ingestionPipelines/logs/${fqn}/${runId}`))['ingestion_task'],
      );
    },
  };
}

export type { Run };
