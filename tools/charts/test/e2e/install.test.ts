import { LONG_MS, hostForPods } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AgentPod } from '../support/agents.ts';
import { agentPods, everything, instanceOf, listed, logOf } from '../support/agents.ts';
import { withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import { kubectlCommand, succeed } from '../support/cluster.ts';
import type { Deployment } from '../support/deployment.ts';
import { openDeployment } from '../support/deployment.ts';
import { killPod } from '../support/killing.ts';
import type { Release } from '../support/release.ts';
import type { Service } from '../support/services.ts';
import type { Database } from '../support/shop.ts';
import { connectionTo, databaseFor, loadShop } from '../support/shop.ts';

/*
 * One release from its first install to its end, as people handle it, on the image that was built from the Dockerfile. The
 * tests follow each other: each finds the release as the one before has left it.
 */

const AGENT = 'aws-prod';
/** An agent that leaves says so: its successor need not wait for silence. Far above what it takes, for machines at work. */
const LONGEST_HANDOVER_MS = 20_000;
const FULLNAME = 'collate-prod-hybrid-ingestion-runner';

withHelm('a release from its install to its end', () => {
  let company: Deployment;
  let namespace: ChartNamespace;
  let release: Release;
  let database: Database;
  let service: Service;
  let before: readonly string[];
  const kubectl = (...args: readonly string[]): Promise<string> =>
    succeed(kubectlCommand([...args, '--namespace', namespace.name]));

  beforeAll(async () => {
    company = await openDeployment();
    database = await databaseFor(await hostForPods(process.env));
    await loadShop(database);
    namespace = await company.namespace('install');
    release = company.release('collate-prod', namespace);
    const password = decodeURIComponent(database.url.password);
    await kubectl('create', 'secret', 'generic', 'shop-password', `--from-literal=value=${password}`);
    before = await everything(namespace.name);
  });
  afterAll(async () => {
    await company[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** The pod that holds the activity, once there are this many ready ones and the control plane knows each. */
  async function activePod(
    replicas: number,
  ): Promise<{ readonly active: AgentPod; readonly others: readonly AgentPod[] }> {
    return await eventually(
      `one of ${replicas} pods is active and the others are standbys`,
      async () => {
        const pods = (await agentPods(namespace.name)).filter(({ ready }) => ready);
        const { instances = [] } = (await company.runner(AGENT)) ?? {};
        if (pods.length !== replicas || instances.length !== replicas) return undefined;
        const activeInstance = instances.find(({ role }) => role === 'active')?.instanceId;
        const ids = await Promise.all(pods.map(({ name }) => instanceOf(namespace.name, name)));
        const active = pods[ids.indexOf(activeInstance)];
        if (activeInstance === undefined || active === undefined) return undefined;
        return { active, others: pods.filter((pod) => pod !== active) };
      },
      LONG_MS,
    );
  }

  /** How long the control plane had no active agent at a stretch (ms), until this is over. */
  async function longestWithoutActive(what: Promise<unknown>): Promise<number> {
    let over = false;
    const watched = what.finally(() => {
      over = true;
    });
    let longest = 0;
    let lastSeen = Date.now();
    const watch = eventually(
      'it is over',
      async () => {
        const { instances = [] } = (await company.runner(AGENT)) ?? {};
        const now = Date.now();
        if (instances.some(({ role }) => role === 'active')) lastSeen = now;
        longest = Math.max(longest, now - lastSeen);
        return over;
      },
      LONG_MS * 2,
    );
    await Promise.all([watched, watch]);
    return longest;
  }

  it('is Active after helm install, though the keys of the registry are wrong, and its image is never waited for', async () => {
    const started = Date.now();
    const installing = release.install(company.values(AGENT));
    await company.active(AGENT);
    const activeAfter = Date.now() - started;
    const notes = await installing;
    console.log(`from helm install to Active: ${activeAfter} ms; helm was done after ${Date.now() - started} ms`);
    expect(notes).toContain(`The runner "${AGENT}" is being started`);
    expect(notes).toContain('Secrets manager: kubernetes');

    const { active } = await activePod(1);
    expect(active).toMatchObject({ waiting: undefined, restarts: 0 });
    const warnings = (await logOf(namespace.name, active.name)).filter(({ level }) => level === 'error');
    expect(warnings).toEqual([]);
    const [status] = (await listed(namespace.name, ['configmaps'])).filter(({ metadata }) =>
      metadata.name.endsWith('-pull-secret-status'),
    );
    expect(JSON.stringify(status?.['data'])).toMatch(/UnrecognizedClient|key/i);
  });

  it('answers the command that people were told to look at the secrets manager with', async () => {
    const log = await kubectl('logs', '--selector', 'app=hybrid-runner', '--tail=-1');
    expect(
      log
        .split('\n')
        .filter((line) => line.includes('secretsManager'))
        .join('\n'),
    ).toContain('kubernetes');
  });

  it('runs a pipeline as a Job whose password is a Secret of Kubernetes', async () => {
    service = await company.service(AGENT, connectionTo(database, 'secret:shop-password'));
    const runId = await service.trigger();
    (await company.world.control.program(runId)).ingest();
    const run = await company.world.ended(runId);
    expect(run, await service.log(runId)).toMatchObject({
      state: 'succeeded',
      pipelineState: 'success',
      writtenBy: 'main',
    });
    expect(await service.log(runId)).not.toContain(decodeURIComponent(database.url.password));
    expect(company.world.control.executions(runId)).toBe(1);
  });

  it('a manual Job of the registry helper says in words that the keys are wrong, and works with right ones', async () => {
    const manual = async (name: string, condition: 'Failed' | 'Complete'): Promise<string> => {
      await kubectl('create', 'job', '--from=cronjob/ecr-registry-helper', name);
      await kubectl('wait', `--for=condition=${condition}`, `job/${name}`, `--timeout=${LONG_MS / 1_000}s`);
      return await kubectl('logs', '--selector', `job-name=${name}`, '--tail=-1');
    };
    expect(await manual('manual', 'Failed')).toMatch(/access key/i);
    expect(await namespace.find('Secret', 'omd-registry-credentials')).toBeUndefined();
    company.ecr.accept();
    await manual('manual-again', 'Complete');
    expect(await namespace.find('Secret', 'omd-registry-credentials')).toMatchObject({
      type: 'kubernetes.io/dockerconfigjson',
    });
  });

  it('passes helm test', async () => {
    const { code, stdout, stderr } = await release.test();
    expect({ code, said: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, said: '' });
  });

  it('is upgraded to other values and two replicas while a run goes on: the run is executed once and ends as it should', async () => {
    const runId = await service.trigger();
    const program = await company.world.control.program(runId);
    await company.world.inState(runId, 'running');
    const former = await activePod(1);

    const upgrading = release.upgrade(
      company.values(AGENT, { replicaCount: 2, commonLabels: { team: 'data' }, config: { reconnectDelaySeconds: 1 } }),
    );
    const gap = await longestWithoutActive(upgrading);
    console.log(`longest time without an active agent during the upgrade: ${gap} ms`);
    expect(gap).toBeLessThan(LONGEST_HANDOVER_MS);

    const { active, others } = await activePod(2);
    expect([active, ...others].map(({ uid }) => uid)).not.toContain(former.active.uid);
    expect(await company.world.run(runId)).toMatchObject({ state: 'running' });
    program.exit(7);
    expect(await company.world.ended(runId)).toMatchObject({ state: 'failed', outcome: { exitCode: 7 } });
    expect(company.world.control.executions(runId)).toBe(1);
    expect(await listed(namespace.name, ['jobs', '--selector', `app.kubernetes.io/run-id=${runId}`])).toHaveLength(1);
  });

  it('the active replica is killed: the standby takes over, and what was in flight is executed once', async () => {
    const runId = await service.trigger();
    const program = await company.world.control.program(runId);
    await company.world.inState(runId, 'running');
    const { active, others } = await activePod(2);
    const standby = others[0];
    const heir = standby && (await instanceOf(namespace.name, standby.name));
    const started = Date.now();
    const how = await killPod(namespace.name, active);
    await eventually(
      'the standby is active',
      async () => {
        const { instances = [] } = (await company.runner(AGENT)) ?? {};
        return instances.some(({ instanceId, role }) => role === 'active' && instanceId === heir);
      },
      LONG_MS,
    );
    console.log(`takeover after the active pod was ${how}: ${Date.now() - started} ms`);
    const later = await service.trigger();
    (await company.world.control.program(later)).exit(0);
    program.exit(0);
    expect(await company.world.ended(runId)).toMatchObject({ state: 'succeeded' });
    expect(await company.world.ended(later)).toMatchObject({ state: 'succeeded' });
    expect([runId, later].map((id) => company.world.control.executions(id))).toEqual([1, 1]);
    const after = await activePod(2);
    const fallen = [after.active, ...after.others].find(({ uid }) => uid === active.uid);
    // The program of the killed pod was started again.
    if (how === 'killed') expect(fallen?.restarts).toBeGreaterThan(0);
  });

  it('a release with the same agentId in another namespace is blocked, and says so', async () => {
    const elsewhere = await company.namespace('twin');
    const twin = company.release('collate-prod', elsewhere);
    await twin.install(company.values(AGENT, { ecrRegistryHelper: { enabled: false } }));
    await eventually(
      'the other one is blocked',
      async () => (await company.runner(AGENT))?.instances?.some(({ role }) => role === 'blocked'),
      LONG_MS,
    );
    const pod = await eventually(
      'its pod is ready',
      async () => (await agentPods(elsewhere.name)).find(({ ready }) => ready),
      LONG_MS,
    );
    expect(await logOf(elsewhere.name, pod.name)).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringMatching(/blocked/) as string }),
    );
    await twin.uninstall();
  });

  it('leaves after uninstall the pull secret and its workloads, and what was there before', async () => {
    const runId = await service.trigger();
    const program = await company.world.control.program(runId);
    await company.world.inState(runId, 'running');
    await release.uninstall();
    const ours = await eventually(
      'what is collected is gone',
      async () => {
        const left = (await everything(namespace.name)).filter((id) => !before.includes(id));
        return left.some((id) => id.includes(FULLNAME) || /^(Job|Pod)\/manual/.test(id)) ? undefined : left;
      },
      LONG_MS,
    );
    const workloads = await listed(namespace.name, ['jobs,pods', '--selector', 'app.kubernetes.io/run-id']);
    const expected = workloads.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(ours).toEqual(['Secret/omd-registry-credentials', ...expected].toSorted());
    expect(expected.filter((id) => id.startsWith('Job/'))).toHaveLength(5);
    expect(company.world.control.executions(runId)).toBe(1);
    program.exit(0);
    await eventually(
      'what ran ended as if nothing had been',
      async () => {
        const jobs = await listed(namespace.name, ['jobs', '--selector', `app.kubernetes.io/run-id=${runId}`]);
        return JSON.stringify(jobs[0]?.['status']).includes('"Complete"');
      },
      LONG_MS,
    );
  });
});
