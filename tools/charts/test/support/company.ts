import type { ControlServer } from '@runner/e2e';
import { LONG_MS } from '@runner/e2e';
import type { Api } from '@runner/faults';
import { eventually } from '@runner/faults';
import { stagedAgentChart } from '../../src/index.ts';
import type { ChartNamespace } from './cluster.ts';
import { chartNamespace, kubectlCommand, succeed } from './cluster.ts';
import type { Ecr } from './ecr.ts';
import { ecrServer } from './ecr.ts';
import type { Front } from './front.ts';
import type { Release } from './release.ts';
import { release } from './release.ts';
import type { Service } from './services.ts';
import { serviceOn } from './services.ts';
import { overlaid } from './values-tree.ts';

/** A control plane that stands, and power over the programs in pods. */
export interface Outside {
  /** Address of this machine as pods reach it. */
  readonly host: string;
  readonly api: Api;
  readonly control: ControlServer;
  /** TLS in front of the control plane. */
  readonly front: Front;
}

/** What a company has before it installs: an address with TLS of its own authority, a bot's token, a registry. */
export interface Company extends AsyncDisposable {
  readonly ecr: Ecr;
  /** A namespace of the level `restricted`, with the ConfigMap and the Secret that the values name. */
  namespace(purpose: string, labels?: readonly string[]): Promise<ChartNamespace>;
  /** Values as they are written after the documents; `more` is laid over them. */
  values(agentId: string, more?: object): object;
  release(name: string, namespace: ChartNamespace): Release;
  runner(agentId: string): Promise<ShownRunner | undefined>;
  /** The runner as soon as the control plane calls it Active. */
  active(agentId: string): Promise<ShownRunner>;
  service(agentId: string, connection?: object): Promise<Service>;
}

export interface ShownRunner {
  readonly status: string;
  /** Those that are connected to the replica that was asked. */
  readonly instances?: readonly { readonly instanceId: string; readonly role: string }[];
}

/** It stands for the image of a release: that which `npm run images` puts onto the nodes. */
const AGENT_IMAGE = { repository: 'docker.io/runner/agent', tag: 'dev' };
const RESTRICTED = ['pod-security.kubernetes.io/enforce=restricted'];

export async function openCompany({ host, api, control, front }: Outside): Promise<Company> {
  const ecr = await ecrServer(host);
  const staged = await stagedAgentChart();
  const bot = await api.call('POST', 'tokens', { role: 'bot', subject: 'ingestion-bot' });
  const token = String(bot['token']);
  const namespaces: ChartNamespace[] = [];
  const runner: Company['runner'] = async (agentId) => {
    const { status, body } = await api.ask('GET', `ingestionRunners/name/${agentId}`);
    return status === 200 ? (body as unknown as ShownRunner) : undefined;
  };
  return {
    ...{ ecr, runner },
    namespace: async (purpose, labels = RESTRICTED) => {
      const namespace = await chartNamespace(purpose);
      namespaces.push(namespace);
      await furnish(namespace, { front, ecr, labels });
      return namespace;
    },
    values: (agentId, more = {}) => overlaid(usual({ agentId, token, address: front.address, control }), more),
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
    service: (agentId, connection) => serviceOn(api, agentId, connection),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(namespaces.map((namespace) => namespace[Symbol.asyncDispose]()));
      await staged[Symbol.asyncDispose]();
      await ecr[Symbol.asyncDispose]();
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

interface Furniture {
  readonly front: Front;
  readonly ecr: Ecr;
  readonly labels: readonly string[];
}

async function furnish({ name }: ChartNamespace, { front, ecr, labels }: Furniture): Promise<void> {
  if (labels.length > 0) await succeed(kubectlCommand(['label', 'namespace', name, '--overwrite', ...labels]));
  const authority = {
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
  const list = { apiVersion: 'v1', kind: 'List', items: [authority, keys] };
  await succeed(kubectlCommand(['create', '--namespace', name, '--filename', '-'], JSON.stringify(list)));
}
