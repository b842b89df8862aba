import type { ControlServer } from '@runner/e2e';
import { LONG_MS, controlServer, hostForPods } from '@runner/e2e';
import type { Api } from '@runner/faults';
import { createApi, eventually } from '@runner/faults';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Rendered } from '../../src/index.ts';
import { CONTROL_PLANE_CHART } from '../../src/index.ts';
import { agentPods, everything, listed } from '../support/agents.ts';
import { withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import { chartNamespace, kubectlCommand, succeed } from '../support/cluster.ts';
import type { Company } from '../support/company.ts';
import { openCompany } from '../support/company.ts';
import type { Front, Target } from '../support/front.ts';
import { tlsFront } from '../support/front.ts';
import { dig } from '../support/objects.ts';
import type { Release } from '../support/release.ts';
import { release } from '../support/release.ts';
import type { Database } from '../support/shop.ts';
import { databaseFor } from '../support/shop.ts';

const AGENT = 'through-two-replicas';
const PORT = 8585;
const READ_TOKEN = 'require("fs").readFileSync("/data/admin-token", "utf8")';

const idOfToken = (token: string): unknown =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { readonly jti?: unknown }).jti;

/*
 * The chart of the control plane with a PostgreSQL on this machine, and what stands for an Ingress in front of its pods:
 * the cluster of the tests has none, and no Services either. The tests follow each other.
 */
withHelm('the control plane from its chart', () => {
  let database: Database;
  let front: Front;
  let control: ControlServer;
  let namespace: ChartNamespace;
  let plane: Release;
  let before: readonly string[];
  let api: Api;
  let apiOf: (target: Target | undefined) => Api;
  let company: Company | undefined;
  let targets: readonly Target[] = [];

  beforeAll(async () => {
    const host = await hostForPods(process.env);
    database = await databaseFor(host);
    front = await tlsFront(host, () => targets);
    control = await controlServer({ host });
    namespace = await chartNamespace('plane');
    plane = release('control-plane', CONTROL_PLANE_CHART, namespace.name);
    await kubectl('label', 'namespace', namespace.name, 'pod-security.kubernetes.io/enforce=restricted');
    await kubectl('create', 'secret', 'generic', 'database', `--from-literal=DATABASE_URL=${database.url.href}`);
    before = await everything(namespace.name);
  });
  afterAll(async () => {
    await company?.[Symbol.asyncDispose]();
    await namespace[Symbol.asyncDispose]();
    await control[Symbol.asyncDispose]();
    await front[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });
  const kubectl = (...args: readonly string[]): Promise<string> =>
    succeed(kubectlCommand([...args, '--namespace', namespace.name]));

  async function readyPods(count: number): Promise<readonly Rendered[]> {
    return await eventually(
      `${count} pods of the control plane are ready`,
      async () => {
        const pods = await listed(namespace.name, ['pods', '--selector', 'app.kubernetes.io/instance=control-plane']);
        const ready = pods.filter(
          (pod) =>
            !('deletionTimestamp' in pod.metadata) && dig(pod, 'status', 'containerStatuses', 0, 'ready') === true,
        );
        return ready.length === count && pods.length === count ? ready : undefined;
      },
      LONG_MS,
    );
  }

  const targetsOf = (pods: readonly Rendered[]): readonly Target[] =>
    pods.map((pod) => ({ host: String(dig(pod, 'status', 'podIP')), port: PORT }));

  it('has two replicas with one database, and tells one token of the administrator', async () => {
    const notes = await plane.install({
      image: { repository: 'docker.io/runner/control-plane', tag: 'dev' },
      publicUrl: `https://${front.address}`,
      database: { existingSecret: 'database' },
      resources: { requests: { cpu: '10m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    });
    expect(notes).toContain(READ_TOKEN);
    const pods = await readyPods(2);
    targets = targetsOf(pods);
    const tokens = await Promise.all(
      pods.map(async ({ metadata }) => {
        const read = ['exec', metadata.name, '--namespace', namespace.name, '--', '/nodejs/bin/node', '-p', READ_TOKEN];
        return await kubectlCommand(read);
      }),
    );
    const told = tokens.filter(({ code }) => code === 0).map(({ stdout }) => stdout.trim());
    // Replicas that start together may both tell it.
    expect([...new Set(told.map(idOfToken))]).toEqual([expect.any(String)]);
    const [token = ''] = told;
    apiOf = (target) =>
      createApi(
        () => `http://${target?.host}:${PORT}`,
        () => Promise.resolve(token),
      );
    api = createApi(
      () => `http://${targets[0]?.host}:${PORT}`,
      () => Promise.resolve(token),
    );
  });

  it('takes an agent from the other chart, and a run in flight outlives the replica that the agent was connected to', async () => {
    company = await openCompany({ host: await hostForPods(process.env), api, control, front });
    const theirs = await company.namespace('plane-agent');
    const agent = company.release('collate-prod', theirs);
    await agent.install(company.values(AGENT, { ecrRegistryHelper: { enabled: false } }));
    await company.active(AGENT);
    const service = await company.service(AGENT);
    const runId = await service.trigger();
    const program = await control.program(runId);
    const state = async (): Promise<string> => String((await api.call('GET', `runs/${runId}`))['state']);
    await eventually('the run is running', async () => (await state()) === 'running', LONG_MS);

    const [first, second] = await readyPods(2);
    if (first === undefined || second === undefined) throw new Error('there are no two replicas');
    // A replica shows the instances that are connected to itself.
    const there = await apiOf(targetsOf([first])[0]).call('GET', `ingestionRunners/name/${AGENT}`);
    const [holder, other] = there['instances'] === undefined ? [second, first] : [first, second];
    targets = targetsOf([other]);
    await kubectl('delete', 'pod', holder.metadata.name, '--grace-period=1', '--wait=false');
    const [pod] = await agentPods(theirs.name);
    await eventually(
      'the agent is connected to the other replica',
      async () => (await company?.runner(AGENT))?.instances?.some(({ role }) => role === 'active'),
      LONG_MS,
    );
    targets = targetsOf(await readyPods(2));
    expect(await state()).toBe('running');
    program.exit(5);
    await eventually('the run has ended', async () => (await state()) === 'failed', LONG_MS);
    expect(control.executions(runId)).toBe(1);
    expect((await agentPods(theirs.name)).map(({ uid, restarts }) => ({ uid, restarts }))).toEqual([
      { uid: pod?.uid, restarts: 0 },
    ]);
    await agent.uninstall();
  });

  it('leaves nothing behind but what was there before', async () => {
    await plane.uninstall();
    await eventually(
      'nothing is left',
      async () => (await everything(namespace.name)).filter((id) => !before.includes(id)).length === 0,
      LONG_MS,
    );
  });
});
