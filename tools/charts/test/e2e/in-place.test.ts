import { LONG_MS } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { agentPods, listed, logOf } from '../support/agents.ts';
import { helmCommand, withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import { kubectlCommand, succeed } from '../support/cluster.ts';
import type { Deployment } from '../support/deployment.ts';
import { openDeployment } from '../support/deployment.ts';
import { decoded, dig } from '../support/objects.ts';
import { FORMER_CHART } from '../support/values-files.ts';

const RELEASE = 'hybrid-ingestion-runner';
const labels = { 'app.kubernetes.io/name': 'openmetadata', 'app.kubernetes.io/managed-by': 'openmetadata' };

/** What stands when the former chart is left: its pull secret, and work of its runner under the account it made. */
const FORMER_WORK = [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'omd-registry-credentials' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': '{"auths":{"registry.example.test":{"auth":"bm90LWEtcmVhbC1vbmU="}}}' },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'om-job-former', labels },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          serviceAccountName: 'ingestion',
          terminationGracePeriodSeconds: 1,
          imagePullSecrets: [{ name: 'omd-registry-credentials' }],
          containers: [
            {
              name: 'main',
              image: 'docker.io/runner/busybox:1',
              imagePullPolicy: 'IfNotPresent',
              command: ['sleep', '3600'],
              resources: { requests: { cpu: '5m', memory: '8Mi' } },
            },
          ],
        },
      },
    },
  },
];

withHelm('helm upgrade of a release of the former chart that works', () => {
  let company: Deployment;
  let namespace: ChartNamespace;
  beforeAll(async () => {
    company = await openDeployment();
    namespace = await company.namespace('in-place', []);
  });
  afterAll(() => company[Symbol.asyncDispose]());

  /** uids of what must be the same afterwards. */
  async function standing(): Promise<Readonly<Record<string, unknown>>> {
    const objects = await listed(namespace.name, ['serviceaccounts,secrets,jobs,pods']);
    const kept = ['ingestion', RELEASE, 'omd-pull-secret-refresh', 'omd-registry-credentials', 'om-job-former'];
    return Object.fromEntries(
      objects
        .filter(({ metadata }) => kept.includes(metadata.name) || metadata.name.startsWith('om-job-former-'))
        .map((each) => [`${each.kind}/${each.metadata.name}`, dig(each, 'metadata', 'uid')]),
    );
  }

  it('leaves its running work and its pull secret alone, is Active, and runs what comes next', async () => {
    const extraEnvs = [{ name: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS', value: '{"metadata":{"nodeSelector":{}}}' }];
    const former = JSON.stringify(
      company.values('aws-prod', { image: { repository: 'docker.io/runner/busybox', tag: '1' }, extraEnvs }),
    );
    const args = ['install', RELEASE, FORMER_CHART, '--namespace', namespace.name, '--values', '-'];
    await succeed(helmCommand(args, former));
    const work = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: FORMER_WORK });
    await succeed(kubectlCommand(['create', '--namespace', namespace.name, '--filename', '-'], work));
    const runs = ['wait', '--for=jsonpath={.status.ready}=1', 'job/om-job-former', `--timeout=${LONG_MS / 1_000}s`];
    await succeed(kubectlCommand([...runs, '--namespace', namespace.name]));
    const before = await standing();
    expect(Object.keys(before)).toHaveLength(6);

    company.ecr.accept();
    await company.release(RELEASE, namespace).upgrade(company.values('aws-prod', { extraEnvs }));

    await company.active('aws-prod');
    expect(await standing()).toEqual(before);
    const job = await namespace.find('Job', 'om-job-former');
    expect(job).toMatchObject({ status: { active: 1, ready: 1 } });
    const pods = await eventually(
      'the pod of ours is alone',
      async () => {
        const found = await agentPods(namespace.name);
        return found.length === 1 && found[0]?.ready === true ? found : undefined;
      },
      LONG_MS,
    );
    const log = await logOf(namespace.name, pods[0]?.name ?? '');
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(JSON.stringify(log)).not.toContain('om-job-former');

    const service = await company.service('aws-prod');
    const runId = await service.trigger();
    (await company.world.control.program(runId)).exit(0);
    expect(await company.world.ended(runId)).toMatchObject({ state: 'succeeded' });
    // The helper has renewed the pull secret in its place.
    const secret = await namespace.find('Secret', 'omd-registry-credentials');
    expect(secret && decoded(secret)['.dockerconfigjson']).toContain('dkr.ecr.eu-west-1.amazonaws.com');
    expect(await standing()).toMatchObject(before);
  });
});
