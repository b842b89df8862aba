import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunnerOptions, TestNamespace, World } from '@runner/e2e';
import { agentRules, openWorld } from '@runner/e2e';

let world: World;
let common: TestNamespace;
beforeAll(async () => {
  world = await openWorld();
  common = await world.namespace('refusals');
});
afterAll(() => world[Symbol.asyncDispose]());

interface Case {
  readonly name: string;
  readonly what: string;
  readonly category: string;
  readonly code: string;
  readonly permanent: boolean;
  readonly says: RegExp;
  readonly hint: RegExp;
  /** Variables of the agent. */
  readonly env?: Readonly<Record<string, string>>;
  /** A namespace of its own that is prepared so; otherwise a common one. */
  readonly prepare?: (namespace: TestNamespace) => Promise<unknown>;
}

/** Nothing of this name answers: `.invalid` never does. */
const UNREACHABLE = 'registry.invalid/team/ingestion:1';

const CASES: readonly Case[] = [
  {
    name: 'quota-used-up',
    what: 'a quota that is used up',
    ...{ category: 'quota', code: 'quota_exceeded', permanent: false },
    says: /The quota pods of the namespace is used up/,
    hint: /raise the quota/,
    prepare: async (namespace) => {
      await namespace.create('ResourceQuota', { metadata: { name: 'pods' }, spec: { hard: { pods: '1' } } });
      await namespace.create('Pod', {
        metadata: { name: 'other' },
        spec: { containers: [{ name: 'other', image: UNREACHABLE }], nodeSelector: { 'runner.test/pool': 'nowhere' } },
      });
    },
  },
  {
    name: 'quota-too-small',
    what: 'a quota that is smaller than the pod',
    ...{ category: 'quota', code: 'quota_too_small', permanent: true },
    says: /more than the whole quota memory/,
    hint: /Raise the quota/,
    prepare: (namespace) =>
      namespace.create('ResourceQuota', {
        metadata: { name: 'memory' },
        spec: { hard: { 'requests.memory': '16Mi' } },
      }),
  },
  {
    name: 'limit-range',
    what: 'a LimitRange',
    ...{ category: 'quota', code: 'limit_range', permanent: true },
    says: /LimitRange/,
    hint: /metadata/,
    prepare: (namespace) =>
      namespace.create('LimitRange', {
        metadata: { name: 'small' },
        spec: { limits: [{ type: 'Container', max: { memory: '64Mi' } }] },
      }),
  },
  {
    name: 'admission-policy',
    what: 'an admission policy of the cluster',
    ...{ category: 'admission', code: 'admission_policy_denied', permanent: true },
    says: /runner-test-.*only our own registry/,
    hint: /that policy/,
    prepare: (namespace) => policy(namespace),
  },
  {
    name: 'service-account',
    what: 'a service account that does not exist',
    ...{ category: 'configuration', code: 'service_account_missing', permanent: true },
    says: /nobody/,
    hint: /INGESTION_SERVICE_ACCOUNT_NAME/,
    env: { INGESTION_SERVICE_ACCOUNT_NAME: 'nobody' },
  },
  {
    name: 'registry',
    what: 'a registry that does not answer',
    ...{ category: 'image', code: 'registry_unreachable', permanent: false },
    says: /cannot reach the registry of the image registry\.invalid\/team\/ingestion:1/,
    hint: /DNS, proxy and firewall/,
    env: { INGESTION_IMAGE: UNREACHABLE },
  },
  {
    name: 'never-pulled',
    what: 'an image that is not on the node and may not be pulled',
    ...{ category: 'image', code: 'image_never_pulled', permanent: true },
    says: /registry\.invalid\/team\/ingestion:1 is not on the node/,
    hint: /IfNotPresent/,
    env: { INGESTION_IMAGE: UNREACHABLE, INGESTION_IMAGE_PULL_POLICY: 'Never' },
  },
];

/** A policy of the cluster that refuses every pod of this namespace; it goes with the world. */
async function policy(namespace: TestNamespace): Promise<void> {
  const { cluster } = world;
  const name = `runner-test-${namespace.name}`;
  await cluster.create('ValidatingAdmissionPolicy', undefined, {
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'false', message: 'only our own registry' }],
    },
  });
  const mine = { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } };
  await cluster.create('ValidatingAdmissionPolicyBinding', undefined, {
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector: mine } },
  });
  policies.push(name);
}
const policies: string[] = [];
afterAll(async () => {
  for (const name of policies) {
    await world.cluster.remove('ValidatingAdmissionPolicyBinding', undefined, name);
    await world.cluster.remove('ValidatingAdmissionPolicy', undefined, name);
  }
});

async function prepared({ name, prepare }: Case): Promise<TestNamespace> {
  if (prepare === undefined) return common;
  const own = await world.namespace(name);
  await prepare(own);
  return own;
}

const options = (namespace: TestNamespace, env: Case['env'] = {}): RunnerOptions => ({
  namespace,
  rules: agentRules(),
  env: { PERMANENT_GRACE_SECONDS: 'image:4,default:4', ...env },
});

describe.concurrent('a run whose pod is refused shows why', () => {
  it.for(CASES)('$what', async (one) => {
    const runner = await world.runner(one.name, options(await prepared(one), one.env));
    await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    const { category, code, permanent } = one;
    const run = await world.until(runId, `the run says ${code}`, ({ diagnosis }) => diagnosis?.code === code);
    expect(run).toMatchObject({ diagnosis: { category, code, permanent } });
    expect(run.diagnosis?.message).toMatch(one.says);
    expect(run.diagnosis?.hint).toMatch(one.hint);
    if (!permanent) return;
    // Where waiting cannot help, the run is ended after its grace, in place: the Job stays and says why.
    const ended = await world.ended(runId);
    expect(ended).toMatchObject({ state: 'failed', pipelineState: 'failed', diagnosis: { category, code } });
    const job = await runner.namespace.job(runId);
    expect(JSON.parse(job.metadata.annotations?.['hybrid-ingestion-runner/intent'] ?? '')).toMatchObject({
      reason: 'permanent_failure',
      diagnosis: { code },
    });
    expect(await runner.namespace.list('Pod', `app.kubernetes.io/run-id=${runId}`)).toHaveLength(0);
  });
});

describe('a namespace with the Pod Security level restricted', () => {
  it('takes the pods of the runner as they are', async () => {
    const namespace = await world.namespace('restricted', {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'latest',
    });
    const runner = await world.runner('restricted', options(namespace));
    await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    (await world.control.program(runId)).exit(0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded', pipelineState: 'success' });
  });
});
