import { expiryRules, pullSecretRules, statusRules } from '@runner/agent/registry';
import type { RegistryRule } from '@runner/agent/registry';
import { CRD_PERMISSIONS, SERVER_PERMISSIONS, WORKLOAD_PERMISSIONS } from '@runner/executor-argo';
import { CLUSTER_PERMISSIONS, PERMISSIONS } from '@runner/executor-k8s';
import { expect, test } from 'vitest';
import { agentCharts, least, withHelm } from '../support/charts.ts';
import { dig, find, has, rightsOf } from '../support/objects.ts';

interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly verb: string;
}

const right = ({ group, resource, subresource, verb }: Permission): string =>
  `${group}/${subresource === undefined ? resource : `${resource}/${subresource}`}/${verb}`;

/** Rights that serve every delivery of configs, or this one. */
const jobRights = (delivery: string): readonly string[] =>
  PERMISSIONS.filter(({ need, resource }) => ['required', 'optional'].includes(need) || resource === `${delivery}s`)
    .map(right)
    .toSorted();

const asRole = (rules: readonly RegistryRule[]): readonly string[] =>
  rightsOf({ apiVersion: '', kind: 'Role', metadata: { name: '' }, rules });

const argo = { argoWorkflows: { endpoint: 'https://argo.example.test' } };

withHelm('rights', () => {
  const charts = agentCharts();

  test.each(['auto', 'inline', 'secret', 'configmap'])(
    'with Jobs and delivery %s the runner has what its executor uses, and nothing else',
    async (configDelivery) => {
      const objects = await charts.render({ values: least({ ingestionPods: { configDelivery } }) });
      expect(rightsOf(find(objects, 'Role', 'hybrid-runner'))).toEqual(jobRights(configDelivery));
    },
  );

  test('the deliveries together cover every right of the executor', () => {
    const all = new Set(['auto', 'secret', 'configmap'].flatMap(jobRights));
    expect([...all].toSorted()).toEqual(PERMISSIONS.map(right).toSorted());
  });

  test('with Argo the runner has what its executor uses over each way, and nothing else', async () => {
    const server = await charts.render({ values: least(argo) });
    expect(rightsOf(find(server, 'Role', 'argowf-client'))).toEqual(SERVER_PERMISSIONS.map(right).toSorted());
    expect(has(server, 'Role', 'hybrid-runner')).toBe(false);
    const crd = await charts.render({ values: least({ executorType: 'argo' }) });
    expect(rightsOf(find(crd, 'Role', 'hybrid-runner'))).toEqual(CRD_PERMISSIONS.map(right).toSorted());
    expect(has(crd, 'Role', 'argowf-client')).toBe(false);
  });

  test('nodes are seen only when that was asked for', async () => {
    const plain = await charts.render({ values: least() });
    expect(plain.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
    const objects = await charts.render({ values: least({}, { rbac: { nodes: true } }) });
    const role = find(objects, 'ClusterRole', 'runner-demo-hybrid-ingestion-runner-nodes');
    expect(rightsOf(role)).toEqual(CLUSTER_PERMISSIONS.map(right));
  });

  test('Roles stand where workloads are made, for the account of the runner', async () => {
    const objects = await charts.render({ values: least({ ingestionPods: { namespace: 'jobs' } }) });
    for (const name of ['hybrid-runner', 'ingestion']) {
      expect(find(objects, 'Role', name).metadata.namespace).toBe('jobs');
      expect(find(objects, 'RoleBinding', name).metadata.namespace).toBe('jobs');
    }
    expect(find(objects, 'ServiceAccount', 'ingestion').metadata.namespace).toBe('jobs');
    expect(dig(find(objects, 'RoleBinding', 'hybrid-runner'), 'subjects', 0)).toEqual({
      kind: 'ServiceAccount',
      name: 'demo-hybrid-ingestion-runner',
      namespace: 'runner',
    });
  });

  test('rights go where extraEnvs send the agent', async () => {
    const objects = await charts.render({
      values: least(
        {},
        {
          extraEnvs: [
            { name: 'INGESTION_NAMESPACE', value: 'jobs' },
            { name: 'INGESTION_SERVICE_ACCOUNT_NAME', value: 'theirs' },
            { name: 'CONFIG_DELIVERY', value: 'secret' },
          ],
        },
      ),
    });
    const role = find(objects, 'Role', 'hybrid-runner');
    expect([role.metadata.namespace, rightsOf(role)]).toEqual(['jobs', jobRights('secret')]);
    expect(dig(find(objects, 'RoleBinding', 'ingestion'), 'subjects')).toEqual([
      { kind: 'ServiceAccount', name: 'theirs', namespace: 'jobs' },
    ]);
  });

  test('workloads read Secrets of Kubernetes only where references are looked up there, and only those named', async () => {
    const rules = async (config: object) =>
      dig(find(await charts.render({ values: least(config) }), 'Role', 'ingestion'), 'rules');
    expect(await rules({})).toEqual([{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]);
    expect(await rules({ ingestionPods: { secretNames: 'a,b' } })).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['a', 'b'], verbs: ['get'] },
    ]);
    for (const secretsManager of ['managed-aws', 'gcp', 'db']) expect(await rules({ secretsManager })).toEqual([]);
  });

  test('with Argo the exit step reads logs and events, and no long-lived token stands where it is not used', async () => {
    const objects = await charts.render({ values: least(argo) });
    const rights = rightsOf(find(objects, 'Role', 'ingestion'));
    for (const each of [...WORKLOAD_PERMISSIONS.map(right), '/pods/list', '/pods/log/get', '/events/list']) {
      expect(rights).toContain(each);
    }
    expect(has(objects, 'Secret', 'ingestion.service-account-token')).toBe(true);
    expect(has(await charts.render({ values: least() }), 'Secret', 'ingestion.service-account-token')).toBe(false);
  });

  test('the token for Argo Server is projected and renewed, or the long-lived one when that was chosen', async () => {
    const projected = await charts.render({ values: least(argo) });
    expect(has(projected, 'Secret', 'argowf-client-token')).toBe(false);
    expect(dig(find(projected, 'RoleBinding', 'argowf-client'), 'subjects')).toHaveLength(2);
    expect(JSON.stringify(projected)).toContain('"serviceAccountToken":{"path":"token","expirationSeconds":3600}');
    const kept = await charts.render({
      values: least({ argoWorkflows: { endpoint: 'https://argo.example.test', tokenSource: 'secret' } }),
    });
    expect(find(kept, 'Secret', 'argowf-client-token').metadata.annotations).toMatchObject({
      'kubernetes.io/service-account.name': 'argowf-client',
    });
    expect(dig(find(kept, 'RoleBinding', 'argowf-client'), 'subjects')).toHaveLength(1);
    expect(JSON.stringify(kept)).toContain('"secretName":"argowf-client-token"');
  });

  test('the registry helper may make and change the pull secret where it is needed, and nothing else', async () => {
    const objects = await charts.render({ values: least({ ingestionPods: { namespace: 'jobs' } }) });
    const roles = objects.filter(
      ({ kind, metadata }) => kind === 'Role' && metadata.name === 'demo-hybrid-ingestion-runner-ecr-registry-helper',
    );
    const names = {
      secret: 'omd-registry-credentials',
      statusConfigMap: 'demo-hybrid-ingestion-runner-pull-secret-status',
    };
    const own = asRole([...pullSecretRules(names), ...statusRules(names)]);
    expect(roles.map((role) => [role.metadata.namespace, rightsOf(role)])).toEqual(
      expect.arrayContaining([
        ['runner', own],
        ['jobs', asRole(pullSecretRules(names))],
      ]),
    );
    expect(roles).toHaveLength(2);
    expect(rightsOf(find(objects, 'Role', names.statusConfigMap))).toEqual(asRole(expiryRules(names)));
    expect(dig(find(objects, 'ConfigMap', names.statusConfigMap), 'data')).toBeUndefined();
  });

  test('rbac.create: false makes no Role and no binding', async () => {
    const objects = await charts.render({ values: least(argo, { rbac: { create: false, nodes: true } }) });
    expect(objects.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
  });

  test('the wide rights of helm test are its own account alone', async () => {
    const objects = await charts.render({ values: least({}, { doctor: { clusterRole: { create: true } } }) });
    const binding = find(objects, 'ClusterRoleBinding', 'runner-demo-hybrid-ingestion-runner-doctor');
    expect(dig(binding, 'subjects')).toEqual([
      { kind: 'ServiceAccount', name: 'demo-hybrid-ingestion-runner-doctor', namespace: 'runner' },
    ]);
    expect(rightsOf(find(objects, 'Role', 'demo-hybrid-ingestion-runner-doctor'))).toEqual([
      '/secrets/get:omd-registry-credentials',
    ]);
    expect(dig(find(objects, 'Pod', 'demo-hybrid-ingestion-runner-doctor'), 'spec', 'serviceAccountName')).toBe(
      'demo-hybrid-ingestion-runner-doctor',
    );
  });
});
