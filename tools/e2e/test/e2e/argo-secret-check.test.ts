import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Started } from '@runner/faults';
import { eventually } from '@runner/faults';
import type { ArgoTransport, Runner, TestNamespace, World } from '@runner/e2e';
import { LONG_MS, OFFICIAL_ARGO_ROLE, WORKFLOW_RULES, WORKLOAD_IMAGE, openWorld } from '@runner/e2e';

const VALUE = 'not-a-real-password';
const PROBES = 'hybrid-ingestion-runner/probe';
/** No Secret is called so; but both Argo and Kubernetes would make something else of it. */
const ODD = 'secret:{{workflow.name}}-{{=1+1}}-$(HOSTNAME)-$$';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe.each<ArgoTransport>(['server', 'crd'])('references under Argo, over the transport %s', (transport) => {
  let namespace: TestNamespace;
  let runner: Runner;
  beforeAll(async () => {
    namespace = await world.namespace(`argo-secrets-${transport}`, {
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    await namespace.create('Secret', { metadata: { name: 'shop-db' }, stringData: { value: VALUE } });
    await namespace.create('ServiceAccount', { metadata: { name: 'without-rights' } });
    await namespace.allow('without-rights', 'without-rights', WORKFLOW_RULES);
    await namespace.create('ServiceAccount', { metadata: { name: 'without-any-rights' } });
    await namespace.create('ServiceAccount', { metadata: { name: 'reads-only' } });
    await namespace.allow('reads-only', 'reads-only', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]);
    runner = await world.runner(`argo-secrets-${transport}`, {
      ...{ namespace, argo: transport, rules: OFFICIAL_ARGO_ROLE },
      env: { SECRETS_PREFLIGHT_IMAGE: WORKLOAD_IMAGE },
    });
  });

  async function nothingIsLeft(agent: Started): Promise<void> {
    expect(agent.output()).not.toContain(VALUE);
    await eventually(
      'Workflow and pod are gone',
      async () => {
        const left = await Promise.all([namespace.list('Workflow'), namespace.list('Pod')]);
        return left.flat().length === 0;
      },
      LONG_MS,
    );
  }

  it('are answered one by one before a service is saved, and nothing of them stays', async () => {
    const agent = await runner.activeAgent();
    const asked = world.api.ask('POST', `ingestionRunners/${runner.name}/check-secrets`, {
      references: ['secret:shop-db', 'secret:nosuch', ODD],
    });
    const [workflow] = await eventually(
      'there is a Workflow',
      async () => {
        const found = await namespace.list('Workflow', PROBES);
        return found.length === 0 ? undefined : found;
      },
      LONG_MS,
    );
    expect(workflow?.metadata.labels).not.toHaveProperty('app.kubernetes.io/run-id');
    const { status, body } = await asked;
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({
      ok: false,
      results: [
        { reference: 'secret:shop-db', ok: true },
        { reference: 'secret:nosuch', ok: false, code: 'secret_not_found' },
        { reference: ODD, ok: false, code: 'secret_malformed_id' },
      ],
    });
    expect(JSON.stringify(body)).not.toContain(VALUE);
    await nothingIsLeft(agent);
    await agent.kill('SIGTERM');
  });

  it.each([
    [
      'can be read',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db' },
      /^preflight: workloads can read secret:shop-db \(kubernetes, .*, as system:serviceaccount:runner-argo-secrets-[\w-]+:ingestion\)$/,
      undefined,
    ],
    [
      'may not be read',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db', INGESTION_SERVICE_ACCOUNT_NAME: 'without-rights' },
      /workloads cannot read secret:shop-db/,
      'secret_forbidden',
    ],
    [
      'may not be read, by an account that may not report to Argo either,',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db', INGESTION_SERVICE_ACCOUNT_NAME: 'without-any-rights' },
      /workloads cannot read secret:shop-db/,
      'secret_forbidden',
    ],
    [
      'are read in an image without the program',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db', SECRETS_PREFLIGHT_IMAGE: 'docker.io/runner/busybox:1' },
      /it is not known whether workloads can read secret:shop-db/,
      'secret_check_failed',
    ],
  ])('that %s are told of at the start of an agent', async (_what, env, line, code) => {
    const agent = runner.agent(env);
    const told = await eventually('it is told', () => agent.lines.find(({ message }) => line.test(message)), LONG_MS);
    if (code !== undefined) expect(told).toMatchObject({ code });
    await nothingIsLeft(agent);
    await agent.kill('SIGTERM');
  });

  it('that can be read are told of so far as a workload may report to Argo', async () => {
    const agent = runner.agent({
      SECRETS_PREFLIGHT_REF: 'secret:shop-db',
      INGESTION_SERVICE_ACCOUNT_NAME: 'reads-only',
    });
    // Where pods can be seen nobody has to report.
    const line =
      transport === 'crd'
        ? /workloads can read secret:shop-db/
        : /it is not known whether workloads can read secret:shop-db: .*workflowtaskresults\S* is forbidden/;
    await eventually('it is told', () => agent.lines.find(({ message }) => line.test(message)), LONG_MS);
    await nothingIsLeft(agent);
    await agent.kill('SIGTERM');
  });
});
