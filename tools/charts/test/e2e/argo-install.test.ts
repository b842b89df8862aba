import { LONG_MS, argoServerUrl, forwardTo, hostForPods } from '@runner/e2e';
import type { Forward } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { everything, agentPods, listed, logOf } from '../support/agents.ts';
import { withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import type { Deployment } from '../support/deployment.ts';
import { openDeployment } from '../support/deployment.ts';
import { dig } from '../support/objects.ts';
import type { Release } from '../support/release.ts';
import type { Service } from '../support/services.ts';

/*
 * The same release with Argo Workflows that stand already. The tests follow each other.
 */

const AGENT = 'argo-prod';

withHelm('a release with an Argo Server, from its install to its end', () => {
  let company: Deployment;
  let argo: Forward;
  let namespace: ChartNamespace;
  let release: Release;
  let service: Service;
  let before: readonly string[];
  const values = (more: object = {}): object => {
    const endpoint = `http://${company.host}:${argo.port}`;
    const least = { ecrRegistryHelper: { enabled: false }, config: { argoWorkflows: { endpoint } } };
    return company.values(AGENT, { ...least, ...more });
  };

  beforeAll(async () => {
    company = await openDeployment();
    argo = await forwardTo(Number(new URL(argoServerUrl()).port), await hostForPods(process.env));
    namespace = await company.namespace('argo');
    release = company.release('collate-prod', namespace);
    before = await everything(namespace.name);
  });
  afterAll(async () => {
    await company[Symbol.asyncDispose]();
    await argo[Symbol.asyncDispose]();
  });

  it('is Active, with a token that the cluster renews and no right over Jobs', async () => {
    expect(await release.install(values())).toContain(`Executor: argo (http://${company.host}`);
    await company.active(AGENT);
    const [pod] = await agentPods(namespace.name);
    const log = await logOf(namespace.name, pod?.name ?? '');
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    const roles = await listed(namespace.name, ['roles']);
    expect(roles.map(({ metadata }) => metadata.name).toSorted()).toEqual(['argowf-client', 'ingestion']);
    expect(JSON.stringify(roles)).not.toContain('"jobs"');
    expect(await namespace.find('Secret', 'argowf-client-token')).toBeUndefined();
    service = await company.service(AGENT);
  });

  it('runs a pipeline as a Workflow, and its exit step reports', async () => {
    const runId = await service.trigger();
    const program = await company.world.control.program(runId);
    await program.print('all is well\n');
    program.exit(0);
    const run = await company.world.until(
      runId,
      'the exit step has reported and the end was seen',
      ({ writtenBy, outcome }) => writtenBy === 'exitStep' && outcome !== undefined,
    );
    expect(run).toMatchObject({ state: 'succeeded', outcome: { result: 'succeeded', exitCode: 0 } });
    expect(await service.log(runId)).toContain('all is well');
    const selector = `app.kubernetes.io/run-id=${runId}`;
    expect(await listed(namespace.name, ['workflows.argoproj.io', '--selector', selector])).toHaveLength(1);
    expect(await listed(namespace.name, ['jobs'])).toEqual([]);
  });

  it('passes helm test, which leaves nothing behind', async () => {
    const standing = await everything(namespace.name);
    const { code, stdout, stderr } = await release.test();
    expect({ code, said: code === 0 ? '' : `${stdout}\n${stderr}` }).toEqual({ code: 0, said: '' });
    await eventually(
      'everything is as it was before the test',
      async () => (await everything(namespace.name)).join() === standing.join(),
      LONG_MS,
    );
  });

  it('is upgraded while a Workflow runs, which goes on', async () => {
    const runId = await service.trigger();
    const program = await company.world.control.program(runId);
    await company.world.inState(runId, 'running');
    const [former] = await agentPods(namespace.name);
    await release.upgrade(values({ podLabels: { team: 'data' } }));
    const pod = await eventually(
      'the new pod is alone',
      async () => {
        const [first, ...others] = await agentPods(namespace.name);
        return others.length === 0 && first?.ready === true && first.uid !== former?.uid ? first : undefined;
      },
      LONG_MS,
    );
    expect(pod.restarts).toBe(0);
    await company.active(AGENT);
    program.exit(7);
    const run = await company.world.until(runId, 'the end was seen', ({ outcome }) => outcome !== undefined);
    expect(run).toMatchObject({ state: 'failed', outcome: { exitCode: 7 } });
    expect(company.world.control.executions(runId)).toBe(1);
  });

  it('leaves after uninstall its Workflows and what was there before', async () => {
    await release.uninstall();
    const left = await eventually(
      'what is collected is gone',
      async () => {
        const found = (await everything(namespace.name)).filter((id) => !before.includes(id));
        return found.some((id) => id.includes('hybrid-ingestion-runner')) ? undefined : found;
      },
      LONG_MS,
    );
    const ofRuns = await listed(namespace.name, ['workflows.argoproj.io,pods,workflowtaskresults.argoproj.io']);
    expect(left).toEqual(ofRuns.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted());
    await eventually(
      'both Workflows have ended',
      async () => {
        const workflows = await listed(namespace.name, ['workflows.argoproj.io']);
        const phases = workflows.map((each) => String(dig(each, 'status', 'phase')));
        return phases.toSorted().join() === 'Failed,Succeeded';
      },
      LONG_MS,
    );
  });
});
