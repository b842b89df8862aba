import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { agentCharts, least, withHelm } from '../support/charts.ts';
import { deployment, dig, find, has, podSpecs } from '../support/objects.ts';
import { EXAMPLES } from '../support/values-files.ts';

/** What the Pod Security standard `restricted` asks of a pod with one container. */
const RESTRICTED = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    },
  ],
};

withHelm('pods', () => {
  const charts = agentCharts();

  test.each(EXAMPLES.filter((file) => !file.endsWith('openshift.yaml')).map((file) => [basename(file), file] as const))(
    'of %s all fit the restricted level',
    async (_, file) => {
      const specs = podSpecs(await charts.render({ files: [file] }));
      expect(specs.length).toBeGreaterThan(1);
      for (const { spec } of specs) expect(spec).toMatchObject(RESTRICTED);
    },
  );

  test('on OpenShift name no user, group or profile', async () => {
    const objects = await charts.render({
      values: least({}, { openshift: { enabled: true }, podSecurityContext: { runAsUser: 7, fsGroup: 7 } }),
    });
    for (const { spec } of podSpecs(objects)) {
      const text = JSON.stringify(spec);
      for (const word of ['runAsUser', 'runAsGroup', 'fsGroup', 'seccompProfile']) expect(text).not.toContain(word);
      expect(text).toContain('"runAsNonRoot":true');
    }
    expect(JSON.stringify(deployment(objects))).toContain('{"name":"INGESTION_OPENSHIFT_MODE","value":"true"}');
  });

  test('what is set in the values is merged over the security of the chart', async () => {
    const objects = await charts.render({ values: least({}, { podSecurityContext: { fsGroup: 2000 } }) });
    expect(dig(deployment(objects), 'spec', 'template', 'spec', 'securityContext')).toMatchObject({
      runAsUser: 1000,
      fsGroup: 2000,
    });
  });

  test('of the runner alone are behind its Service', async () => {
    const objects = await charts.render({ values: least() });
    const selector = dig(find(objects, 'Service', 'demo-hybrid-ingestion-runner'), 'spec', 'selector') as Record<
      string,
      string
    >;
    const pods: readonly (readonly [string, unknown])[] = [
      ['runner', dig(deployment(objects), 'spec', 'template', 'metadata', 'labels')],
      ['doctor', find(objects, 'Pod', 'demo-hybrid-ingestion-runner-doctor').metadata.labels],
      [
        'helper',
        dig(
          find(objects, 'CronJob', 'ecr-registry-helper'),
          'spec',
          'jobTemplate',
          'spec',
          'template',
          'metadata',
          'labels',
        ),
      ],
      ['hook', dig(find(objects, 'Job', 'demo-hybrid-ingestion-runner-ecr'), 'spec', 'template', 'metadata', 'labels')],
    ];
    const behind = pods.filter(([, labels]) =>
      Object.entries(selector).every(([key, value]) => dig(labels, key) === value),
    );
    expect(behind.map(([name]) => name)).toEqual(['runner']);
  });

  test('are probed on 8585, and take over before another goes', async () => {
    const spec = dig(deployment(await charts.render({ values: least({}, { replicaCount: 2 }) })), 'spec');
    expect(spec).toMatchObject({ replicas: 2, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    const container = dig(spec, 'template', 'spec', 'containers', 0);
    expect(container).toMatchObject({
      name: 'hybrid-ingestion-runner',
      livenessProbe: { httpGet: { path: '/healthz', port: 'app' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'app' } },
      ports: [
        { name: 'app', containerPort: 8585 },
        { name: 'metrics-app', containerPort: 8989 },
      ],
    });
    expect(dig(spec, 'template', 'spec', 'topologySpreadConstraints')).toHaveLength(1);
  });

  test('may all go before others come, where that was chosen', async () => {
    const objects = await charts.render({ values: least({}, { strategy: { type: 'Recreate' } }) });
    expect(dig(deployment(objects), 'spec', 'strategy')).toEqual({ type: 'Recreate' });
  });

  test('have one place for temporary files, which the values may take', async () => {
    const objects = await charts.render({
      values: least(
        {},
        {
          volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }],
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp/' }],
        },
      ),
    });
    const spec = dig(deployment(objects), 'spec', 'template', 'spec');
    expect(JSON.stringify(dig(spec, 'volumes')).match(/"name":"tmp"/g)).toHaveLength(1);
    expect(JSON.stringify(dig(spec, 'containers', 0, 'volumeMounts')).match(/"mountPath":"\/tmp/g)).toHaveLength(1);
  });

  test('take the probes of the values instead', async () => {
    const probe = { tcpSocket: { port: 8585 } };
    const objects = await charts.render({ values: least({}, { livenessProbe: probe }) });
    expect(dig(deployment(objects), 'spec', 'template', 'spec', 'containers', 0, 'livenessProbe')).toEqual(probe);
  });

  test('name their images by digest when there is one', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const objects = await charts.render({ values: least({ ingestionPods: { digest } }, { image: { digest } }) });
    for (const { spec } of podSpecs(objects)) {
      expect(dig(spec, 'containers', 0, 'image')).toBe(`ghcr.io/hybrid-ingestion-runner/agent@${digest}`);
    }
    expect(JSON.stringify(deployment(objects))).toContain(`collate-customers-ingestion-slim-eu-west-1@${digest}`);
  });
});

withHelm('labels and annotations', () => {
  const charts = agentCharts();

  test('common ones are on every object, and never in a selector', async () => {
    const objects = await charts.render({
      values: least(
        {},
        {
          commonLabels: { team: 'a' },
          commonAnnotations: { 'x/y': 'z' },
          podLabels: { app: 'other', 'app.kubernetes.io/name': 'no' },
        },
      ),
    });
    for (const { kind, metadata } of objects) {
      expect({ kind, team: metadata.labels?.['team'], note: metadata.annotations?.['x/y'] }).toEqual({
        kind,
        team: 'a',
        note: 'z',
      });
    }
    expect(dig(deployment(objects), 'spec', 'selector', 'matchLabels')).not.toHaveProperty('team');
    expect(dig(deployment(objects), 'spec', 'template', 'metadata', 'labels')).toMatchObject({
      app: 'other',
      team: 'a',
      'app.kubernetes.io/name': 'hybrid-ingestion-runner',
    });
  });

  test('without anything switched on there is no object of another API group', async () => {
    const objects = await charts.render({ values: least() });
    const kinds = new Set(objects.map(({ kind }) => kind));
    for (const kind of [
      'ServiceMonitor',
      'PrometheusRule',
      'GrafanaDashboard',
      'NetworkPolicy',
      'PodDisruptionBudget',
    ]) {
      expect(kinds.has(kind)).toBe(false);
    }
    expect(has(objects, 'ServiceAccount', 'argowf-client')).toBe(false);
  });
});
