import { CONTROL_PLANE_VARIABLES } from '@runner/control-plane/config';
import { expect, test } from 'vitest';
import { CONTROL_PLANE_CHART } from '../../src/index.ts';
import { chartsIn, withHelm } from '../support/charts.ts';
import { deployment, dig, find, has, variables } from '../support/objects.ts';

const values = (more: object = {}): object => ({
  publicUrl: 'https://runner.example.test',
  database: { existingSecret: 'database' },
  ...more,
});

withHelm('the chart of the control plane', () => {
  const charts = chartsIn(() => CONTROL_PLANE_CHART);

  test('gives two pods the URL of one PostgreSQL, and only variables that are read', async () => {
    const objects = await charts.render({ values: values() });
    expect(dig(deployment(objects), 'spec', 'replicas')).toBe(2);
    const given = variables(objects);
    expect(given).toContainEqual({
      name: 'DATABASE_URL',
      valueFrom: { secretKeyRef: { name: 'database', key: 'DATABASE_URL' } },
    });
    expect(given).toContainEqual({ name: 'PUBLIC_URL', value: 'https://runner.example.test' });
    const known = CONTROL_PLANE_VARIABLES.map(({ name }) => name);
    for (const { name } of given) expect(known).toContain(name);
    expect(has(objects, 'PodDisruptionBudget', 'demo-hybrid-runner-control-plane')).toBe(true);
    expect(has(objects, 'Ingress', 'demo-hybrid-runner-control-plane')).toBe(false);
  });

  test('its Ingress is for the host of the URL, with TLS', async () => {
    const objects = await charts.render({
      values: values({ ingress: { enabled: true, tlsSecret: 'tls', className: 'nginx' } }),
    });
    expect(dig(find(objects, 'Ingress', 'demo-hybrid-runner-control-plane'), 'spec')).toMatchObject({
      ingressClassName: 'nginx',
      tls: [{ hosts: ['runner.example.test'], secretName: 'tls' }],
      rules: [{ host: 'runner.example.test' }],
    });
  });

  test('its pods fit the restricted level, and have no token of the cluster', async () => {
    expect(dig(deployment(await charts.render({ values: values() })), 'spec', 'template', 'spec')).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  test.each([
    [{}, ['the database is missing', 'publicUrl']],
    [values({ publicUrl: 'runner.example.test' }), ['publicUrl is "runner.example.test"']],
    [values({ replicas: 3 }), ["'replicas' not allowed"]],
    [
      values({ extraEnvs: ['LOG_LEVEL=debug'], image: { digest: 'latest' } }),
      ['extraEnvs[0] is no', 'image.digest is'],
    ],
    [values({ extraEnvs: [{ value: 'debug' }] }), ['extraEnvs[0] is no variable']],
    [values({ networkPolicy: { databasePort: 'postgres' } }), ['/networkPolicy/databasePort']],
  ])('%j is refused with what is wrong', async (wrong, words) => {
    const { code, stderr } = await charts.attempt({ values: wrong });
    expect(code).not.toBe(0);
    for (const word of words) expect(stderr).toContain(word);
  });

  test('a NetworkPolicy lets in who is named, and out to DNS, the database and HTTPS', async () => {
    const name = 'demo-hybrid-runner-control-plane';
    expect(has(await charts.render({ values: values() }), 'NetworkPolicy', name)).toBe(false);
    const policy = async (networkPolicy: object, more: object = {}) =>
      dig(
        find(
          await charts.render({ values: values({ networkPolicy: { enabled: true, ...networkPolicy }, ...more }) }),
          'NetworkPolicy',
          name,
        ),
        'spec',
      );
    const dns = (port: number) => [
      { port, protocol: 'UDP' },
      { port, protocol: 'TCP' },
    ];
    expect(await policy({})).toEqual({
      podSelector: {
        matchLabels: { 'app.kubernetes.io/name': 'hybrid-runner-control-plane', 'app.kubernetes.io/instance': 'demo' },
      },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 'http' }] }],
      egress: [{ ports: dns(53) }, { ports: [{ port: 5432 }, { port: 443 }] }],
    });
    const from = [{ namespaceSelector: { matchLabels: { name: 'ingress' } } }];
    const extraEgress = [{ ports: [{ port: 8585 }] }];
    expect(await policy({ from, databasePort: 6432, extraEgress }, { openshift: { enabled: true } })).toMatchObject({
      ingress: [{ ports: [{ port: 'http' }], from }],
      egress: [{ ports: [...dns(53), ...dns(5353)] }, { ports: [{ port: 6432 }, { port: 443 }] }, ...extraEgress],
    });
  });

  test('a variable of extraEnvs is rendered once and wins', async () => {
    const objects = await charts.render({
      values: values({ extraEnvs: [{ name: 'PUBLIC_URL', value: 'https://b.example.test' }] }),
    });
    expect(variables(objects).filter(({ name }) => name === 'PUBLIC_URL')).toEqual([
      { name: 'PUBLIC_URL', value: 'https://b.example.test' },
    ]);
  });
});
