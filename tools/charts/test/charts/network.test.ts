import { expect, test } from 'vitest';
import { agentCharts, least, withHelm } from '../support/charts.ts';
import { dig, find } from '../support/objects.ts';

const FULL = 'demo-hybrid-ingestion-runner';

withHelm('network policies', () => {
  const charts = agentCharts();
  const policies = async (config: object) => {
    const objects = await charts.render({ values: least(config, { networkPolicy: { enabled: true } }) });
    return (name: string) => find(objects, 'NetworkPolicy', name);
  };
  const ports = (policy: unknown): readonly unknown[] =>
    (dig(policy, 'spec', 'egress') as readonly { ports?: readonly { port: unknown }[] }[]).flatMap((rule) =>
      (rule.ports ?? []).map(({ port }) => port),
    );

  test('let the runner reach DNS, HTTPS and the API server, and be asked for its metrics alone', async () => {
    const policy = (await policies({}))(FULL);
    expect(dig(policy, 'spec', 'policyTypes')).toEqual(['Ingress', 'Egress']);
    expect(dig(policy, 'spec', 'ingress')).toEqual([{ ports: [{ port: 'metrics-app' }] }]);
    expect(new Set(ports(policy))).toEqual(new Set([53, 443, 6443]));
  });

  test('let it reach the control plane at a port of its own, and Argo Server', async () => {
    const policy = (
      await policies({ serverHost: 'runner.example.test:8585', argoWorkflows: { endpoint: 'argo:2746' } })
    )(FULL);
    expect(ports(policy)).toEqual(expect.arrayContaining([8585, 2746]));
  });

  test.each([
    ['http://argo.example.test', 80],
    ['https://argo.example.test:8443/base', 8443],
  ])('let it reach Argo Server at %s', async (endpoint, port) => {
    const policy = (await policies({ argoWorkflows: { endpoint } }))(FULL);
    expect(ports(policy)).toContain(port);
    expect(ports(policy)).not.toContain(2746);
  });

  test('let it reach an unencrypted control plane, and the one that extraEnvs names', async () => {
    expect(ports((await policies({ useSecureProtocols: false }))(FULL))).toContain(80);
    const extraEnvs = [{ name: 'SERVER_URL', value: 'wss://other.example.test:9443/runners' }];
    const objects = await charts.render({ values: least({}, { extraEnvs, networkPolicy: { enabled: true } }) });
    expect(ports(find(objects, 'NetworkPolicy', FULL))).toContain(9443);
    expect(ports(find(objects, 'NetworkPolicy', `${FULL}-workloads`))).toContain(9443);
  });

  test('narrow the API server to its addresses, and workloads to the sources that were named', async () => {
    const sources = [{ to: [{ ipBlock: { cidr: '10.20.0.0/16' } }], ports: [{ port: 5432 }] }];
    const objects = await charts.render({
      values: least(
        { ingestionPods: { namespace: 'jobs' } },
        { networkPolicy: { enabled: true, sources, apiServer: { cidrs: ['10.96.0.1/32'], ports: [443] } } },
      ),
    });
    const workloads = find(objects, 'NetworkPolicy', `${FULL}-workloads`);
    expect(workloads.metadata.namespace).toBe('jobs');
    expect(dig(workloads, 'spec', 'podSelector', 'matchLabels')).toEqual({
      'app.kubernetes.io/managed-by': 'openmetadata',
    });
    expect(dig(workloads, 'spec', 'ingress')).toEqual([]);
    expect(dig(workloads, 'spec', 'egress')).toEqual(
      expect.arrayContaining([...sources, { ports: [{ port: 443 }], to: [{ ipBlock: { cidr: '10.96.0.1/32' } }] }]),
    );
    expect(ports(find(objects, 'NetworkPolicy', FULL))).not.toContain(5432);
  });

  test('know the port of the DNS of OpenShift', async () => {
    const objects = await charts.render({
      values: least({}, { openshift: { enabled: true }, networkPolicy: { enabled: true } }),
    });
    expect(ports(find(objects, 'NetworkPolicy', FULL))).toContain(5353);
  });
});
